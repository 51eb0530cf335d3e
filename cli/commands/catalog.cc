#include "cli/commands/catalog.h"

#include "executor/program.h"
#include "worker/registry.h"

namespace headrace::cli {

flow::Catalog BuiltInCatalog() {
  flow::Catalog catalog;
  catalog.AddAll(executor::TaskTypeSpecs());
  catalog.AddAll(worker::TaskTypeSpecs());
  return catalog;
}

}  // namespace headrace::cli
