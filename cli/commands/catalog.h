// Every task type of this binary: what workers run and what the executor steers.
#pragma once

#include "common/flow/catalog.h"

namespace headrace::cli {

flow::Catalog BuiltInCatalog();

}  // namespace headrace::cli
