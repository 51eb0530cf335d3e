#include "cli/commands/catalog.h"

#include "cli/commands/arguments.h"
#include "common/flow/templates.h"
#include "executor/program.h"
#include "worker/registry.h"

namespace headrace::cli {

flow::Catalog BuiltInCatalog() {
  flow::Catalog catalog;
  catalog.AddAll(executor::TaskTypeSpecs());
  catalog.AddAll(worker::TaskTypeSpecs());
  return catalog;
}

Result<flow::Catalog> CatalogWithTemplates(const std::vector<std::string>& folders, std::istream& in) {
  flow::Catalog catalog = BuiltInCatalog();
  if (folders.empty()) return catalog;
  ASSIGN_OR_RETURN(const std::vector<FlowText> texts, ReadFlowTexts(folders, in));
  auto book = std::make_shared<flow::TemplateBook>();
  for (const FlowText& text : texts) {
    if (Status added = book->Add(text.text, text.file, catalog); !added) {
      ShiftLines(added.error().violations, text.first_line);
      return Fail(std::move(added.error()));
    }
  }
  catalog.AllowTemplates(std::move(book));
  return catalog;
}

}  // namespace headrace::cli
