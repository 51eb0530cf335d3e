// The task types that this process knows, by name and alias.
// Filled by cli from the specs that runners and flowables state; read by the builder, the schema and the docs.
// Threads: filled once, then only read.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/model/spec.h"

namespace headrace::flow {

class TemplateBook;

class Catalog {
 public:
  // REQUIRES: neither the type nor an alias is known yet.
  void Add(model::TaskTypeSpec spec);
  void AddAll(std::vector<model::TaskTypeSpec> specs);
  // By canonical name or alias; nullptr when unknown.
  const model::TaskTypeSpec* Find(std::string_view type_or_alias) const;
  // Flows may take templates in; without this they are refused.
  void AllowTemplates(std::shared_ptr<const TemplateBook> templates) { templates_ = std::move(templates); }
  const TemplateBook* templates() const { return templates_.get(); }
  // Names of inputs, variables and tasks that a flow does not have are warned of; an expression fails when it is rendered.
  void WarnOfUnknownNames() { warns_of_unknown_names_ = true; }
  bool warns_of_unknown_names() const { return warns_of_unknown_names_; }
  // Canonical names, sorted.
  std::vector<std::string> TypeNames() const;
  // What a person most likely meant by an unknown type: the type with the same last part, else the nearest name.
  std::optional<std::string> Suggest(std::string_view unknown) const;

 private:
  std::shared_ptr<const TemplateBook> templates_{};
  bool warns_of_unknown_names_ = false;
  std::deque<model::TaskTypeSpec> specs_;
  std::unordered_map<std::string, const model::TaskTypeSpec*> by_name_;
};

}  // namespace headrace::flow
