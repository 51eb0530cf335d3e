// What the catalog knows, for editors and for readers.
// Shapes: JSON Schema draft-07 of a flow; Markdown.
// Threads: pure. The output is stable: same catalog, same bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/flow/catalog.h"
#include "common/model/value.h"

namespace headrace::flow {

Value JsonSchema(const Catalog& catalog);
// The reference page of one task type.
std::string TypeDocs(const model::TaskTypeSpec& spec);
// Of a trigger or condition, which no catalog of tasks has; nothing for another name.
std::optional<std::string> KnownTypeDocs(std::string_view type);
// docs/kestra-compatibility.md: every type and property of Kestra: the same here, differs (how), or not yet.
std::string CompatibilityTable(const Catalog& catalog);

}  // namespace headrace::flow
