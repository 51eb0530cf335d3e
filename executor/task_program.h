// A task made ready to run: where it stands, who steers it, its expressions compiled.
// Built by Program::Build; read by every verb of the executor.
// Threads: immutable once built.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/expr/template.h"
#include "common/model/flow.h"

namespace headrace::executor {

class SteeredType;

// The lists of children that a scope has, in the order in which they run.
enum class ListKind : std::uint8_t { kMain, kErrors, kFinally, kAfter };

using TemplatePtr = std::shared_ptr<const expr::Template>;

struct TaskProgram {
  ListKind list = ListKind::kMain;
  std::uint32_t position = 0;                              // in its list
  const std::vector<model::TaskIndex>* siblings = nullptr; // its list
  const SteeredType* type = nullptr;                       // of executor tasks; runnable tasks have none
  const SteeredType* owner = nullptr;                      // the type of the task it is a child of
  const model::RetryPolicy* retry = nullptr;               // its own, the nearest flowable's, or the flow's
  TemplatePtr run_if;                                      // null: always, or the worker renders it
  TemplatePtr timeout;
  bool worker_renders_run_if = false;
  // Of executor tasks: every text property by its path ("checkFrequency.interval"), and what each property as a
  // whole names.
  std::map<std::string, TemplatePtr, std::less<>> texts;
  std::map<std::string, expr::References, std::less<>> references;
  // Of a node of a Dag: the places of its siblings that it waits for, and of those that wait for it.
  std::vector<model::TaskIndex> depends_on;
  std::vector<model::TaskIndex> dependents;
  // Of runnable tasks: what the worker's rendering names.
  expr::References worker_references;
};

}  // namespace headrace::executor
