// Inside the builder: one function a part of a flow.
// Shapes: each reads its node into draft.flow or returns a plain value, and reports into the draft.
// Threads: one owner.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/flow/draft.h"

namespace headrace::flow {

// build_tasks.cc
void BuildTaskList(Draft& draft, const YamlNode& node, const Path& path, std::optional<model::TaskIndex> parent,
                   model::TaskGroup& group);

// The task is in the group unless it is disabled.
model::TaskIndex BuildTask(Draft& draft, const YamlNode& node, const Path& path, std::optional<model::TaskIndex> parent,
                           model::TaskGroup& group);

// build_nodes.cc: the nodes of a Dag, each {task, dependsOn}.
void BuildTaskNodes(Draft& draft, const YamlNode& node, const Path& path, std::optional<model::TaskIndex> parent,
                    model::TaskGroup& group);

// for_each_item.cc
// Makes the tasks of a ForEachItem and moves its properties to them. REQUIRES: the task is not in the arena yet.
void ExpandForEachItem(Draft& draft, const YamlNode& node, const Path& path, model::Task& task);

// templates.cc
// Puts the tasks of the template that the task names below it.
void TakeTemplateIn(Draft& draft, const YamlNode& node, const Path& path, model::Task& task);

// task_shapes.cc
// What a type asks beside the kinds of its properties: WorkingDirectory, Switch, Subflow, limits.
void CheckTaskShape(Draft& draft, const YamlNode& node, const Path& path, const model::TaskTypeSpec& spec,
                    const model::Task& task);

// script_checks.cc
// Of a task of this type: names of variables; its code is noted for later.
void CheckScript(Draft& draft, const YamlNode& node, const Path& path, std::string_view type);
// Into draft.advice: code that whoever starts the flow may add to. One entry a task.
void AdviseOnScripts(Draft& draft);

// build_guards.cc
std::vector<model::Check> BuildChecks(Draft& draft, const YamlNode& node, const Path& path);
std::vector<model::Sla> BuildSlas(Draft& draft, const YamlNode& node, const Path& path);
// Into flow.listeners, their tasks into the arena.
void BuildListeners(Draft& draft, const YamlNode& node, const Path& path);

// build_triggers.cc
Array BuildTriggers(Draft& draft, const YamlNode& node, const Path& path);
// That the flow has the inputs that its triggers give. REQUIRES: its inputs are read.
void CheckTriggerInputs(Draft& draft, const YamlNode& triggers, const Path& path);
// Of a trigger or a listener.
void CheckConditions(Draft& draft, const YamlNode& node, const Path& path);

// trigger_checks.cc
// `type` is canonical.
void CheckTriggerValues(Draft& draft, const YamlNode& node, const Path& path, std::string_view type);
void CheckConditionValues(Draft& draft, const YamlNode& node, const Path& path, std::string_view type);

// build_parts.cc
std::optional<model::RetryPolicy> BuildRetry(Draft& draft, const YamlNode& node, const Path& path);
model::Concurrency BuildConcurrency(Draft& draft, const YamlNode& node, const Path& path);
std::vector<model::Label> BuildLabels(Draft& draft, const YamlNode& node, const Path& path);
std::string BuildWorkerGroup(Draft& draft, const YamlNode& node, const Path& path);

// build_inputs.cc, build_outputs.cc
std::vector<model::InputSpec> BuildInputList(Draft& draft, const YamlNode& node, const Path& path);
void BuildOutputs(Draft& draft, const YamlNode& node, const Path& path);

// plugin_defaults.cc
void ReadPluginDefaults(Draft& draft, const YamlNode& node, const Path& path);
// That a task's pluginDefaultsRef names an entry.
void CheckDefaultsRef(Draft& draft, const YamlNode& node, const Path& path);
// The task with the defaults of its type merged in; the node itself when there are none.
const YamlNode& WithDefaults(Draft& draft, const YamlNode& task);

// check_expressions.cc
void CheckExpressions(Draft& draft);

// "must begin with a letter or digit …": ids of flows, tasks and inputs. `extra` are the characters allowed besides
// letters and digits.
void CheckId(Draft& draft, const YamlNode& node, const Path& path, std::string_view extra, std::size_t length_max);

}  // namespace headrace::flow
