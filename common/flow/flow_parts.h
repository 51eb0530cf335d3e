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

// task_shapes.cc
// What a type asks beside the kinds of its properties: WorkingDirectory, Switch, Subflow, limits.
void CheckTaskShape(Draft& draft, const YamlNode& node, const Path& path, const model::TaskTypeSpec& spec,
                    const model::Task& task);

// build_guards.cc
std::vector<model::Check> BuildChecks(Draft& draft, const YamlNode& node, const Path& path);
std::vector<model::Sla> BuildSlas(Draft& draft, const YamlNode& node, const Path& path);
// Into flow.listeners, their tasks into the arena.
void BuildListeners(Draft& draft, const YamlNode& node, const Path& path);

// build_triggers.cc
Array BuildTriggers(Draft& draft, const YamlNode& node, const Path& path);
// Of a trigger or a listener.
void CheckConditions(Draft& draft, const YamlNode& node, const Path& path);

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
