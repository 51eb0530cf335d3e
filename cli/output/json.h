// Values as people and programs want them printed.
// Threads: pure.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "cli/context.h"
#include "common/base/error.h"
#include "common/model/value.h"

namespace headrace::cli {

// Two spaces a level, ends without a newline.
std::string PrettyJson(const Value& value);
// Whether -o asks for data rather than for a text for people.
bool WantsData(const Context& context);
// One value as json, jsonl or yaml. REQUIRES: WantsData.
void PrintValue(const Context& context, const Value& value);
// "error: …" with one line a violation, to err. Returns the exit code.
int PrintError(const Context& context, const Error& error);
// A tip for people, to err: the command that comes next. Silent with -q and when err is no terminal.
void PrintTip(const Context& context, std::string_view text);

}  // namespace headrace::cli
