// What the rooms must agree on about ForEachItem: one task to whoever writes it, in the arena a flowable with children.
//   each                            ForEachItem
//     each_split                    on a worker: cuts the file into batches
//     each_items                    one run of each_items/batch a batch, each waiting for an execution
//     each_merge                    one run of each_merge/part on a worker for so many outputs as one message holds
// Shapes: ids with a slash are nobody's; their runs are part of the run around them and are not shown as task runs.
// Source: FLOWS 1.8; the types are named as Kestra's inner classes.
#pragma once

#include <string>
#include <string_view>

#include "common/model/execution.h"

namespace headrace::model {

inline constexpr std::string_view kForEachItem = "io.kestra.plugin.core.flow.ForEachItem";
inline constexpr std::string_view kItemsSplit = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemSplit";
inline constexpr std::string_view kItemsExecutable = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemExecutable";
inline constexpr std::string_view kItemsBatch = "io.kestra.plugin.core.flow.ForEachItem$Batch";
inline constexpr std::string_view kItemsMerge = "io.kestra.plugin.core.flow.ForEachItem$ForEachItemMergeOutputs";
inline constexpr std::string_view kItemsPart = "io.kestra.plugin.core.flow.ForEachItem$Part";

// Outputs of each_split: batch N (from 1 on) is the file base + N + extension.
inline constexpr std::string_view kBatchCount = "numberOfBatches";
inline constexpr std::string_view kBatchBase = "batchesBaseUri";
inline constexpr std::string_view kBatchExtension = "batchesExtension";

// Variables of each_merge/part: documents to write, one a line, and in the last part the files of those before it.
inline constexpr std::string_view kPartDocuments = "documents";
inline constexpr std::string_view kPartsBefore = "partsBefore";

// Nobody writes such a type: the builder makes the task.
constexpr bool IsMadeType(std::string_view type) { return type.find('$') != std::string_view::npos; }
constexpr bool IsInnerTask(std::string_view task_id) { return task_id.find('/') != std::string_view::npos; }

// The run that people know this one by.
inline TaskRunIndex ShownRun(const Flow& flow, const Execution& execution, TaskRunIndex index) {
  const TaskRun& run = execution.task_runs.at(index);
  return run.parent && IsInnerTask(flow.task(run.task).id) ? *run.parent : index;
}

}  // namespace headrace::model
