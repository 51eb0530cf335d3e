// Inside the room: the types that Kestra's core has, whether they can run here or not: what triggers and conditions are
// checked against, and what the compatibility page compares the catalog with.
// Shapes: names are full; properties without the common ones of every task. Threads: immutable. Source: FLOWS 1.9.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/flow/catalog.h"

namespace headrace::flow {

struct KestraType {
  enum class Kind : std::uint8_t { kTask, kTrigger, kCondition, kOther };
  Kind kind = Kind::kTask;
  std::string name{};
  std::vector<std::string> aliases{};
  std::vector<model::PropertySpec> properties{};
};

// Sorted by name within a kind.
const std::vector<KestraType>& KestraTypes();
// The same as catalogs, for names that are looked up.
const Catalog& TriggerCatalog();
const Catalog& ConditionCatalog();
// What every trigger may have.
const std::vector<model::PropertySpec>& TriggerProperties();

}  // namespace headrace::flow
