// ForEach and the deprecated EachSequential and EachParallel: a list of tasks once a value. The tasks of one value run
// one after the other; values are begun as the limit allows, so a million of them cost what runs and not what waits.
#include <set>

#include "executor/flowable/flowables.h"
#include "executor/flowable/spec_parts.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::PropertyKind;
using model::PropertySpec;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

// As Java prints lists and maps: what clients of Kestra look for in its log.
std::string JavaText(const Value& value) {
  std::string text;
  if (const Array* list = value.if_array()) {
    for (const Value& item : *list) text += (text.empty() ? "" : ", ") + JavaText(item);
    return "[" + text + "]";
  }
  if (const Object* map = value.if_object()) {
    for (const auto& [key, item] : *map) text += (text.empty() ? "" : ", ") + std::string(key) + "=" + JavaText(item);
    return "{" + text + "}";
  }
  return value.is_null() ? "null" : ToText(value);
}

Result<Array> ValuesFrom(const Value& rendered) {
  if (!rendered.is_array()) {
    return InvalidArgument("the values must be a list, or JSON text of one, not " + ToJson(rendered));
  }
  std::size_t nulls = 0;
  std::set<std::string> seen;
  Array values;
  for (const Value& item : rendered.get_array()) {
    if (item.is_null()) ++nulls;
    std::string text = ToText(item);
    if (seen.insert(text).second) values.emplace_back(std::move(text));
  }
  if (nulls == 0) return values;
  return InvalidArgument("Found '" + std::to_string(nulls) + "' null values on Each, with values=" + JavaText(rendered));
}

// What the expression came to when the task began, whatever it would come to later.
const Array& ValuesOf(const Step& step, TaskRunIndex self) { return step.run(self).memo.get_array(); }

// Which of the values the child runs for. A child that is a loop counts its own rounds in `iteration`.
std::int32_t PlaceOfValue(Step& step, TaskRunIndex self, TaskRunIndex child) {
  const TaskRun& run = step.run(child);
  if (step.program(child).type != &LoopUntilType()) return run.iteration.value_or(0);
  auto& places = step.books().places_of_values[self];
  if (places.empty()) {
    for (const Value& value : ValuesOf(step, self)) {
      places.emplace(value.get_string(), static_cast<std::int32_t>(places.size()));
    }
  }
  return places.at(run.value.value_or(""));
}

class ValueLoop : public SteeredType {
 public:
  struct Names {
    std::string values;
    std::string limit;  // empty: one at a time
    std::int64_t default_limit;
  };
  explicit ValueLoop(Names names) : names_(std::move(names)) {}

  bool by_value() const override { return true; }

  void Start(Step& step, TaskRunIndex self) const override {
    const Status status = KeepValues(step, self);
    if (!status) return FailForGood(step, self, status.error().message);
    Fill(step, self);
  }

  void ChildEnded(Step& step, TaskRunIndex self, TaskRunIndex child) const override {
    const bool stops = StopsList(step.state(child));
    const std::vector<model::TaskIndex>& list = *step.program(child).siblings;
    const std::size_t next = step.program(child).position + 1;
    if (!stops && next < list.size()) {
      StartTask(step, list[next], self, step.run(child).value, PlaceOfValue(step, self, child));
    } else {
      Fill(step, self);
    }
  }

  void Reopened(Step& step, TaskRunIndex self) const override { Fill(step, self); }
  // The values stay those that it began with.
  void Restart(Step& step, TaskRunIndex self) const override {
    if (step.run(self).memo.is_array()) {
      Fill(step, self);
    } else {
      Start(step, self);
    }
  }

 protected:
  PropertySpec ValuesProperty() const {
    return {.name = names_.values, .kind = PropertyKind::kAny, .required = true,
            .doc = "A list, or an expression that comes to one. Repeated values count once; null is an error."};
  }

  std::int64_t LimitOf(const Step& step, TaskRunIndex self) const {
    if (names_.limit.empty()) return names_.default_limit;
    const Result<std::optional<std::int64_t>> limit = IntegerProperty(step, self, names_.limit);
    return limit ? limit->value_or(names_.default_limit) : names_.default_limit;
  }

  virtual void Fill(Step& step, TaskRunIndex self) const {
    const std::vector<model::TaskIndex>& list = ListOf(step.flow(), &step.task(self), ListKind::kMain);
    const std::int64_t limit = LimitOf(step, self);
    const Scope& scope = step.scope(self);
    while (!list.empty() && (limit <= 0 || scope.at_work() < limit) && !model::IsTerminal(step.state(self))) {
      if (BeginNextRestarted(step, self)) continue;
      if (limit == 1 && scope.stopped()) break;  // one after the other, like a sequence
      const Array& values = ValuesOf(step, self);
      if (scope.next >= values.size()) break;
      StartTask(step, list.front(), self, std::string(values[scope.next].get_string()),
                static_cast<std::int32_t>(scope.next));
    }
    if (scope.idle()) EndMainList(step, self);
  }

 private:
  Status KeepValues(Step& step, TaskRunIndex self) const {
    ASSIGN_OR_RETURN(const auto rendered, DeepProperty(step, self, names_.values));
    ASSIGN_OR_RETURN(Array values, ValuesFrom(rendered.value_or(Value())));
    if (!names_.limit.empty()) RETURN_IF_ERROR(IntegerProperty(step, self, names_.limit));
    step.Edit(self).memo = std::move(values);
    return {};
  }

  Names names_;
};

class ForEach : public ValueLoop {
 public:
  ForEach() : ValueLoop({"values", "concurrencyLimit", 1}) {}
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.flow.ForEach",
            .role = model::TaskRole::kFlowable,
            .doc = "Runs tasks once for every value, which they see as `taskrun.value`.",
            .properties = {ValuesProperty(),
                           {.name = "concurrencyLimit", .kind = PropertyKind::kInteger,
                            .doc = "How many values at the same time; 0 is no limit.", .default_value = 1},
                           TasksProperty(), ErrorsProperty(), FinallyProperty()},
            .example = "id: each_product\n"
                       "type: io.kestra.plugin.core.flow.ForEach\n"
                       "values: [core, docs]\n"
                       "tasks:\n"
                       "  - id: name\n"
                       "    type: io.kestra.plugin.core.log.Log\n"
                       "    message: \"{{ taskrun.value }}\"\n"};
  }
};

// Kestra 2.0's name for it.
class Loop final : public ForEach {
 public:
  model::TaskTypeSpec Spec() const override {
    model::TaskTypeSpec spec = ForEach::Spec();
    spec.type = "io.kestra.plugin.core.flow.Loop";
    spec.example.clear();
    spec.support = model::Support::kDiffers;
    spec.differs = "Runs as ForEach does, inside the execution; `item` and the loop functions are not there.";
    return spec;
  }
};

class EachSequential final : public ValueLoop {
 public:
  EachSequential() : ValueLoop({"value", "", 1}) {}
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.flow.EachSequential",
            .aliases = {"io.kestra.core.tasks.flows.EachSequential"},
            .role = model::TaskRole::kFlowable,
            .doc = "Deprecated: use ForEach. Runs tasks for one value after the other.",
            .properties = {ValuesProperty(), TasksProperty(), ErrorsProperty(), FinallyProperty()}};
  }
};

class EachParallel final : public ValueLoop {
 public:
  EachParallel() : ValueLoop({"value", "concurrent", 0}) {}
  model::TaskTypeSpec Spec() const override {
    return {.type = "io.kestra.plugin.core.flow.EachParallel",
            .aliases = {"io.kestra.core.tasks.flows.EachParallel"},
            .role = model::TaskRole::kFlowable,
            .doc = "Deprecated: use ForEach with `concurrencyLimit: 0`. Runs tasks for all values side by side.",
            .properties = {ValuesProperty(), ConcurrentProperty(), TasksProperty(), ErrorsProperty(),
                           FinallyProperty()}};
  }

  // Unlike ForEach, the tasks of one value run side by side too.
  bool by_value() const override { return false; }
  void ChildEnded(Step& step, TaskRunIndex self, TaskRunIndex) const override { Fill(step, self); }

 protected:
  void Fill(Step& step, TaskRunIndex self) const override {
    const std::vector<model::TaskIndex>& list = ListOf(step.flow(), &step.task(self), ListKind::kMain);
    const std::int64_t limit = LimitOf(step, self);
    const Scope& scope = step.scope(self);
    while (!list.empty() && (limit <= 0 || scope.at_work() < limit) && !model::IsTerminal(step.state(self))) {
      if (BeginNextRestarted(step, self)) continue;
      const std::size_t begun = std::size_t{scope.passed} + scope.failed + scope.killed + scope.cancelled + scope.open;
      const Array& values = ValuesOf(step, self);
      if (begun >= values.size() * list.size()) break;
      const std::size_t place = begun / list.size();
      StartTask(step, list[begun % list.size()], self, std::string(values[place].get_string()),
                static_cast<std::int32_t>(place));
    }
    if (scope.idle()) EndMainList(step, self);
  }
};

}  // namespace

const SteeredType& ForEachType() {
  static const ForEach kType;
  return kType;
}

const SteeredType& EachSequentialType() {
  static const EachSequential kType;
  return kType;
}

const SteeredType& LoopType() {
  static const Loop kType;
  return kType;
}

const SteeredType& EachParallelType() {
  static const EachParallel kType;
  return kType;
}

}  // namespace headrace::executor
