// Steering expressions rendered at the event's time, with the context that they name and nothing else.
// Shapes: properties are named by path: "condition", "checkFrequency.interval".
// Errors: what the expression or the value's type says, without the task's name.
// Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "executor/step.h"

namespace headrace::executor {

using RunId = std::optional<model::TaskRunIndex>;  // nothing: as flow-level expressions see it

Result<std::string> RenderTemplate(const Step& step, RunId run, const expr::Template& text);
Result<Value> RenderTemplateTyped(const Step& step, RunId run, const expr::Template& text);
Result<Duration> RenderDuration(const Step& step, RunId run, const expr::Template& text);
// Every text inside, typed.
Result<Value> RenderAll(const Step& step, RunId run, const Value& value, const expr::References& references,
                        bool typed = true);

// The flow's variables under those that the execution has set; one that was unset is null there and not here.
Object VariablesOf(const LiveExecution& live);

// A property of the run's task; nothing if it is absent or null.
Result<std::optional<std::string>> TextProperty(const Step& step, model::TaskRunIndex run, std::string_view path);
Result<std::optional<std::int64_t>> IntegerProperty(const Step& step, model::TaskRunIndex run, std::string_view path);
Result<std::optional<bool>> BooleanProperty(const Step& step, model::TaskRunIndex run, std::string_view path);
Result<std::optional<Duration>> DurationProperty(const Step& step, model::TaskRunIndex run, std::string_view path);
// Lists and maps: everything inside rendered, `typed` or as texts. A text is rendered, and parsed if it is a JSON list or map.
Result<std::optional<Value>> DeepProperty(const Step& step, model::TaskRunIndex run, std::string_view name,
                                           bool typed = true);

}  // namespace headrace::executor
