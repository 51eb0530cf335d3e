// Inside the builder: a node against what a property may be.
// Shapes: what comes back has canonical names; a wrong part is reported and left out.
// Threads: one owner.
#pragma once

#include <string_view>
#include <vector>

#include "common/flow/draft.h"
#include "common/model/spec.h"

namespace headrace::flow {

// The value, or a null when it is wrong or absent.
Value CheckValue(Draft& draft, const YamlNode& node, const model::PropertySpec& spec, const Path& path);
// A map with exactly these properties; `owner` is what messages call it ("a retry").
Object CheckObject(Draft& draft, const YamlNode& node, const std::vector<model::PropertySpec>& specs, const Path& path,
                   std::string_view owner);
// The entry of a property by its name or an alias, or nullptr.
const YamlEntry* FindEntry(const YamlNode& map, const model::PropertySpec& spec);
// Reports required properties that are missing; for maps whose entries the caller walks.
void CheckRequired(Draft& draft, const YamlNode& node, const std::vector<model::PropertySpec>& specs, const Path& path,
                   std::string_view owner);
// Remembers every text below that holds an expression.
void NoteExpressions(Draft& draft, const YamlNode& node, const Path& path);

bool HoldsExpression(std::string_view text);

}  // namespace headrace::flow
