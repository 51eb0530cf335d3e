#include "api/translate.h"

namespace headrace::api {
namespace {

v1::TaskRole ToProto(model::TaskRole role) {
  switch (role) {
    case model::TaskRole::kRunnable: return v1::TASK_ROLE_RUNNABLE;
    case model::TaskRole::kFlowable: return v1::TASK_ROLE_FLOWABLE;
    case model::TaskRole::kExecutable: return v1::TASK_ROLE_EXECUTABLE;
    case model::TaskRole::kUpdating: return v1::TASK_ROLE_UPDATING;
  }
  return v1::TASK_ROLE_UNSPECIFIED;
}

void AddInputs(const std::vector<model::InputSpec>& inputs, google::protobuf::RepeatedPtrField<v1::Input>* out) {
  for (const model::InputSpec& input : inputs) {
    v1::Input* to = out->Add();
    to->set_id(input.id);
    to->set_type(input.type);
    to->set_required(input.required);
    if (input.has_defaults) to->set_default_json(ToJson(input.defaults));
    to->set_description(input.description);
    to->set_display_name(input.display_name);
  }
}

void AddTasks(const model::Flow& flow, v1::Flow* out) {
  for (const model::Task& task : flow.arena) {
    v1::TaskOutline* to = out->add_tasks();
    to->set_index(task.index);
    if (task.parent) to->set_parent_index(*task.parent);
    to->set_id(task.id);
    to->set_type(task.type);
    to->set_role(ToProto(task.role));
    to->set_disabled(task.disabled);
    to->set_description(task.description);
    AddInputs(task.on_resume, to->mutable_on_resume());
    const auto child = task.properties.find("flowId");
    if (task.role == model::TaskRole::kExecutable && child != task.properties.end()) {
      to->set_child_flow_id(ToText(child->value()));
    }
  }
  const auto name_group = [out](const std::string& name, const std::vector<model::TaskIndex>& tasks) {
    for (const model::TaskIndex index : tasks) {
      if (static_cast<int>(index) < out->tasks_size()) out->mutable_tasks(static_cast<int>(index))->set_group(name);
    }
  };
  for (const model::Task& task : flow.arena) {
    for (const model::TaskGroup& group : task.groups) name_group(group.name, group.tasks);
  }
  name_group("tasks", flow.tasks);
  name_group("errors", flow.errors);
  name_group("finally", flow.finally);
  name_group("afterExecution", flow.after_execution);
}

}  // namespace

void ToProto(const model::Flow& flow, v1::Flow* out) {
  out->set_namespace_(flow.ns);
  out->set_id(flow.id);
  out->set_revision(flow.revision);
  out->set_digest(flow.digest);
  out->set_source(flow.source);
  out->set_description(flow.description);
  out->set_disabled(flow.disabled);
  for (const auto& [key, value] : flow.labels) {
    v1::Label* label = out->add_labels();
    label->set_key(key);
    label->set_value(value);
  }
  AddInputs(flow.inputs, out->mutable_inputs());
  AddTasks(flow, out);
}

void ToProto(const Violation& violation, v1::Violation* out) {
  out->set_field(violation.field);
  out->set_message(MendUtf8(violation.message));
  v1::SourceLocation* place = out->mutable_location();
  place->set_file(MendUtf8(violation.file));
  place->set_line(violation.line);
  place->set_column(violation.column);
}

}  // namespace headrace::api
