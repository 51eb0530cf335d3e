// Every task type of this binary: what workers run and what the executor steers.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/flow/catalog.h"

namespace headrace::cli {

flow::Catalog BuiltInCatalog();
// With the templates that lie in these folders; none: templates are refused.
Result<flow::Catalog> CatalogWithTemplates(const std::vector<std::string>& folders, std::istream& in);

}  // namespace headrace::cli
