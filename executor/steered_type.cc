#include "executor/steered_type.h"

#include <map>
#include <string>

#include "common/model/for_each_item.h"
#include "executor/flowable/flowables.h"
#include "executor/program.h"

namespace headrace::executor {

const std::vector<const SteeredType*>& SteeredTypes() {
  static const std::vector<const SteeredType*> kTypes = {
      &SequentialType(), &ParallelType(),       &AllowFailureType(), &IfType(),
      &SwitchType(),     &LoopUntilType(),      &ForEachType(),      &EachSequentialType(),
      &EachParallelType(), &SubflowType(),      &LabelsType(),       &SetVariablesType(),
      &UnsetVariablesType(), &ExitType(),       &DagType(),          &PauseType(),
      &LoopType(),       &ForEachItemType(),    &ItemsType(),        &BatchType(),
      &MergeOutputsType(), &TemplateType(),
  };
  return kTypes;
}

const SteeredType* FindSteeredType(std::string_view canonical_name) {
  static const std::map<std::string, const SteeredType*, std::less<>> kByName = [] {
    std::map<std::string, const SteeredType*, std::less<>> by_name;
    for (const SteeredType* type : SteeredTypes()) by_name.emplace(type->Spec().type, type);
    return by_name;
  }();
  const auto found = kByName.find(canonical_name);
  return found == kByName.end() ? nullptr : found->second;
}

std::vector<model::TaskTypeSpec> TaskTypeSpecs() {
  std::vector<model::TaskTypeSpec> specs;
  for (const SteeredType* type : SteeredTypes()) {
    if (model::TaskTypeSpec spec = type->Spec(); !model::IsMadeType(spec.type)) specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace headrace::executor
