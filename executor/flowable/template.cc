// Template: the tasks of a template, which the builder has put below it, one after the other.
#include "executor/flowable/flowables.h"
#include "executor/flowable/spec_parts.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::PropertyKind;
using model::TaskRunIndex;

namespace {

class Template final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override;

  void Start(Step& step, TaskRunIndex self) const override {
    const Result<std::optional<Value>> rendered = DeepProperty(step, self, "args");
    if (!rendered) return FailForGood(step, self, "Failed evaluating args: " + rendered.error().message);
    Object args = *rendered && (*rendered)->is_object() ? (*rendered)->get_object() : Object();
    for (auto& [name, value] : args) value = ToText(value);
    step.Edit(self).outputs["args"] = std::move(args);
    if (!StartNext(step, self, ListOf(step.flow(), &step.task(self), ListKind::kMain), ListKind::kMain)) {
      EndMainList(step, self);
    }
  }
};

model::TaskTypeSpec Template::Spec() const {
  return {.type = "io.kestra.plugin.core.flow.Template",
          .aliases = {"io.kestra.core.tasks.flows.Template"},
          .role = model::TaskRole::kFlowable,
          .doc = "Deprecated, and refused unless the folder of templates is given (`--templates DIR`); use Subflow. Runs the "
                 "tasks of a template one after the other, as children that see `parent.outputs.args`.",
          .properties = {{.name = "namespace", .kind = PropertyKind::kString, .required = true, .rendered = false,
                          .doc = "Of the template."},
                         {.name = "templateId", .kind = PropertyKind::kString, .required = true, .rendered = false,
                          .doc = "The template."},
                         {.name = "tenantId", .kind = PropertyKind::kString, .rendered = false, .doc = "Of the template.",
                          .differs = "ignored: there is one tenant"},
                         {.name = "args", .kind = PropertyKind::kMap, .doc = "Texts for the tasks of the template."},
                         ErrorsProperty(), FinallyProperty()},
          .outputs = {{.name = "args", .kind = PropertyKind::kMap, .doc = "The rendered args."}},
          .support = model::Support::kDiffers,
          .differs = "The template is taken in when the flow is applied: a later change of it makes a new revision of the flow when "
                     "that is applied again. As ids of tasks are unique in a flow, it takes a template in once.",
          .example = "id: notify\n"
                     "type: io.kestra.plugin.core.flow.Template\n"
                     "namespace: company.team\n"
                     "templateId: notify\n"
                     "args:\n"
                     "  text: \"{{ execution.id }} has ended\"\n"};
}

}  // namespace

const SteeredType& TemplateType() {
  static const Template kType;
  return kType;
}

}  // namespace headrace::executor
