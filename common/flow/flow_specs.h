// The properties that belong to the language rather than to a task type: of flows, inputs, outputs, retries and of
// every task. The checks and the JSON Schema are both made from these.
// Threads: immutable. Source: FLOWS 1.3 to 1.5.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/model/spec.h"

namespace headrace::flow {

const std::vector<model::PropertySpec>& FlowProperties();
const std::vector<model::PropertySpec>& TaskProperties();
const std::vector<model::PropertySpec>& OutputProperties();
const std::vector<model::PropertySpec>& ConcurrencyProperties();
const std::vector<model::PropertySpec>& PluginDefaultProperties();
const std::vector<model::PropertySpec>& CheckProperties();
const std::vector<model::PropertySpec>& SlaProperties();
const std::vector<model::PropertySpec>& ListenerProperties();
// Of one entry of a kTaskNodes list.
const std::vector<model::PropertySpec>& TaskNodeProperties();
// Of an input's dependsOn.
const std::vector<model::PropertySpec>& DependsOnProperties();
// Of one kind of retry: "constant", "exponential" or "random"; empty for another.
const std::vector<model::PropertySpec>& RetryProperties(std::string_view kind);
const std::vector<std::string>& RetryKinds();
// Of an input of this canonical type, the common ones first; the common ones alone for an unknown type.
std::vector<model::PropertySpec> InputProperties(std::string_view type);

const model::PropertySpec& InputIdProperty();

const model::PropertySpec* FindProperty(const std::vector<model::PropertySpec>& specs, std::string_view name_or_alias);
std::vector<std::string> PropertyNames(const std::vector<model::PropertySpec>& specs);

}  // namespace headrace::flow
