// headrace trigger and headrace backfill: what starts executions by itself.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <utility>

#include "api/translate.h"
#include "cli/client/trigger_client.h"
#include "cli/commands/arguments.h"
#include "cli/commands/remote.h"
#include "cli/exit_code.h"
#include "cli/output/table.h"
#include "common/base/clock.h"

namespace headrace::cli {
namespace {

struct TriggerArguments {
  std::string name;
  std::string ns;
  std::string flow;
  int count = 5;
  std::string from;
  std::string to;
  std::vector<std::string> inputs;
  std::vector<std::string> labels;
};
using Shared = std::shared_ptr<TriggerArguments>;

TriggerClient ClientOf(const Context& context) {
  return TriggerClient(ConnectTo(context));
}

// "team/night/every-day".
Result<v1::TriggerName> ParseTriggerName(const std::string& text) {
  const std::size_t first = text.find('/');
  const std::size_t last = text.rfind('/');
  v1::TriggerName name;
  if (first != std::string::npos && last > first) {
    name.set_namespace_(text.substr(0, first));
    name.set_flow_id(text.substr(first + 1, last - first - 1));
    name.set_trigger_id(text.substr(last + 1));
  }
  if (name.namespace_().empty() || name.trigger_id().empty() || name.flow_id().empty() ||
      name.flow_id().find('/') != std::string::npos) {
    return InvalidArgument("'" + text + "' is no trigger: write NAMESPACE/FLOW/TRIGGER, such as team/night/every-day");
  }
  return name;
}

std::string NameText(const v1::TriggerName& name) {
  return name.namespace_() + "/" + name.flow_id() + "/" + name.trigger_id();
}

std::string TimeText(bool has, const google::protobuf::Timestamp& at) {
  if (!has) return {};
  std::string text = FormatInstant(api::FromProto(at));
  return text.ends_with(".000000Z") ? text.replace(text.size() - 8, 8, "Z") : text;
}

std::string IntervalText(const v1::Trigger& trigger) {
  if (!trigger.has_interval()) return {};
  return FormatDuration(std::chrono::seconds(trigger.interval().seconds()) + Duration(trigger.interval().nanos() / 1000));
}

void PutTime(Object& object, const char* key, bool has, const google::protobuf::Timestamp& at) {
  if (has) object[key] = TimeText(has, at);
}

Object ObjectOf(const v1::Backfill& backfill) {
  Object object;
  PutTime(object, "start", backfill.has_start(), backfill.start());
  PutTime(object, "end", backfill.has_end(), backfill.end());
  PutTime(object, "currentDate", backfill.has_current(), backfill.current());
  object["paused"] = backfill.paused();
  if (const auto inputs = ParseJson(backfill.inputs_json()); inputs && inputs->is_object()) object["inputs"] = *inputs;
  Object labels;
  for (const v1::Label& label : backfill.labels()) labels[label.key()] = label.value();
  if (!labels.empty()) object["labels"] = std::move(labels);
  return object;
}

Object ObjectOf(const v1::Trigger& trigger) {
  Object object{{"namespace", trigger.name().namespace_()}, {"flowId", trigger.name().flow_id()},
                {"triggerId", trigger.name().trigger_id()}, {"type", trigger.type()}, {"flowRevision", trigger.flow_revision()},
                {"disabled", trigger.disabled()}, {"disabledByFlow", trigger.disabled_by_flow()}};
  if (!trigger.cron().empty()) object["cron"] = trigger.cron();
  if (!trigger.timezone().empty()) object["timezone"] = trigger.timezone();
  if (trigger.has_interval()) object["interval"] = IntervalText(trigger);
  PutTime(object, "nextExecutionDate", trigger.has_next(), trigger.next());
  PutTime(object, "date", trigger.has_last(), trigger.last());
  if (!trigger.execution_id().empty()) object["executionId"] = trigger.execution_id();
  PutTime(object, "lockedSince", trigger.has_locked_since(), trigger.locked_since());
  if (trigger.has_backfill()) object["backfill"] = ObjectOf(trigger.backfill());
  if (!trigger.problem().empty()) object["problem"] = trigger.problem();
  return object;
}

Cell StateOf(const v1::Trigger& trigger) {
  if (trigger.disabled() || trigger.disabled_by_flow()) return {"disabled", Tint::kYellow};
  if (trigger.has_backfill()) return {trigger.backfill().paused() ? "backfill paused" : "backfill", Tint::kCyan};
  if (!trigger.execution_id().empty()) return {"running", Tint::kCyan};
  if (!trigger.problem().empty()) return {"problem", Tint::kRed};
  return {"ready", Tint::kGreen};
}

void PrintTriggers(Context& context, const v1::ListTriggersResponse& triggers) {
  Listing listing{{{"TRIGGER"}, {"TYPE"}, {"STATE"}, {"NEXT"}, {"LAST"}, {"EXECUTION"}, {"INTERVAL", true}, {"CRON", true}, {"ZONE", true},
                   {"PROBLEM", true}}};
  for (const v1::Trigger& trigger : triggers.triggers()) {
    const std::string name = NameText(trigger.name());
    listing.rows.push_back({name,
                            {{name}, {trigger.type().substr(trigger.type().rfind('.') + 1)}, StateOf(trigger),
                             {TimeText(trigger.has_next(), trigger.next())}, {TimeText(trigger.has_last(), trigger.last())},
                             {trigger.execution_id()}, {IntervalText(trigger)}, {trigger.cron()}, {trigger.timezone()}, {trigger.problem()}},
                            ObjectOf(trigger)});
  }
  PrintListing(context, listing);
}

int List(Context& context, const TriggerArguments& arguments) {
  v1::ListTriggersRequest request;
  request.set_namespace_prefix(arguments.ns);
  if (!arguments.flow.empty()) {
    const auto flow = ParseFlowName(arguments.flow);
    if (!flow) return PrintError(context, flow.error());
    request.set_namespace_prefix(flow->ns);
    request.set_flow_id(flow->id);
  }
  const auto triggers = ClientOf(context).List(request);
  if (!triggers) return PrintError(context, triggers.error());
  PrintTriggers(context, *triggers);
  for (const v1::Trigger& trigger : triggers->triggers()) {
    if (trigger.problem().empty() || trigger.disabled()) continue;
    PrintTip(context, "why " + NameText(trigger.name()) + " started nothing: " + context.program + " trigger get " +
                          NameText(trigger.name()));
    break;
  }
  return kExitOk;
}

int Get(Context& context, const TriggerArguments& arguments) {
  const auto name = ParseTriggerName(arguments.name);
  if (!name) return PrintError(context, name.error());
  const auto trigger = ClientOf(context).Get(*name);
  if (!trigger) return PrintError(context, trigger.error());
  if (context.output != "table" && context.output != "wide") {
    v1::ListTriggersResponse one;
    *one.add_triggers() = *trigger;
    PrintTriggers(context, one);
    return kExitOk;
  }
  for (const auto& [key, value] : ObjectOf(*trigger)) {
    context.out << std::string(key) << ": " << Printable(ToText(value)) << "\n";
  }
  return kExitOk;
}

int Dates(Context& context, const TriggerArguments& arguments) {
  const auto name = ParseTriggerName(arguments.name);
  if (!name) return PrintError(context, name.error());
  const auto dates = ClientOf(context).Dates(*name, arguments.count);
  if (!dates) return PrintError(context, dates.error());
  Listing listing{{{"DATE"}}};
  for (const auto& date : dates->dates()) {
    const std::string text = TimeText(true, date);
    listing.rows.push_back({text, {{text}}, Object{{"date", text}}});
  }
  PrintListing(context, listing);
  if (dates->dates().empty()) PrintTip(context, "no date is to come on which its conditions hold");
  return kExitOk;
}

// Does something to one trigger and says so.
template <typename Work>
int Do(Context& context, const TriggerArguments& arguments, const std::string& said, Work work) {
  const auto name = ParseTriggerName(arguments.name);
  if (!name) return PrintError(context, name.error());
  TriggerClient client = ClientOf(context);
  if (const Status done = work(client, *name); !done) return PrintError(context, done.error());
  if (!context.quiet) context.err << "trigger " << NameText(*name) << " " << said << "\n";
  return kExitOk;
}

Result<v1::CreateBackfillRequest> BackfillOf(const Context& context, const v1::TriggerName& name,
                                             const TriggerArguments& arguments) {
  v1::CreateBackfillRequest request;
  *request.mutable_name() = name;
  v1::Backfill& backfill = *request.mutable_backfill();
  const Timestamp now = SystemClock().Now();
  ASSIGN_OR_RETURN(const Timestamp from, ParseMoment(arguments.from, now));
  api::ToProto(from, backfill.mutable_start());
  if (!arguments.to.empty()) {
    ASSIGN_OR_RETURN(const Timestamp to, ParseMoment(arguments.to, now));
    api::ToProto(to, backfill.mutable_end());
  }
  ASSIGN_OR_RETURN(const Object inputs, ParseInputs(arguments.inputs, context.in));
  if (!inputs.empty()) backfill.set_inputs_json(json::serialize(inputs));
  for (const std::string& text : arguments.labels) {
    ASSIGN_OR_RETURN(const auto label, ParsePair(text, "label"));
    v1::Label* added = backfill.add_labels();
    added->set_key(label.first);
    added->set_value(label.second);
  }
  return request;
}

int CreateBackfill(Context& context, const TriggerArguments& arguments) {
  return Do(context, arguments, "runs its dates of the past, one after the other",
            [&](TriggerClient& client, const v1::TriggerName& name) -> Status {
              ASSIGN_OR_RETURN(const v1::CreateBackfillRequest request, BackfillOf(context, name, arguments));
              return client.CreateBackfill(request);
            });
}

int ListBackfills(Context& context) {
  v1::ListTriggersRequest request;
  request.set_with_backfill_only(true);
  const auto triggers = ClientOf(context).List(request);
  if (!triggers) return PrintError(context, triggers.error());
  Listing listing{{{"TRIGGER"}, {"STATE"}, {"FROM"}, {"TO"}, {"NEXT"}, {"EXECUTION"}}};
  for (const v1::Trigger& trigger : triggers->triggers()) {
    const v1::Backfill& backfill = trigger.backfill();
    const std::string name = NameText(trigger.name());
    Object object = ObjectOf(backfill);
    object["trigger"] = name;
    listing.rows.push_back({name,
                            {{name}, {backfill.paused() ? "paused" : "running"}, {TimeText(true, backfill.start())},
                             {TimeText(true, backfill.end())}, {TimeText(true, backfill.current())}, {trigger.execution_id()}},
                            std::move(object)});
  }
  PrintListing(context, listing);
  return kExitOk;
}

CLI::App* AddVerb(CLI::App& group, Context& context, const Shared& args, const char* verb, const char* doc,
                  int (*run)(Context&, const TriggerArguments&)) {
  CLI::App* added = group.add_subcommand(verb, doc);
  added->fallthrough();
  added->callback([&context, args, run] { context.action = [&context, args, run] { return run(context, *args); }; });
  return added;
}

CLI::App* AddNamed(CLI::App& group, Context& context, const Shared& args, const char* verb, const char* doc,
                   int (*run)(Context&, const TriggerArguments&)) {
  CLI::App* added = AddVerb(group, context, args, verb, doc, run);
  added->add_option("trigger", args->name, "NAMESPACE/FLOW/TRIGGER")->required();
  return added;
}

void RegisterBackfill(CLI::App& app, Context& context) {
  CLI::App* backfill = app.add_subcommand("backfill", "run the dates of a schedule's past")->require_subcommand(1);
  backfill->fallthrough();
  const auto args = std::make_shared<TriggerArguments>();
  CLI::App* create = AddNamed(*backfill, context, args, "create", "run the dates from one moment to another", &CreateBackfill);
  create->add_option("--from", args->from, "2026-01-31, an instant, or 30d for so long ago")->required();
  create->add_option("--to", args->to, "the same; now otherwise");
  create->add_option("-i,--input", args->inputs, "KEY=VALUE, a YAML file, or -")->allow_extra_args(false);
  create->add_option("--label", args->labels, "KEY=VALUE")->allow_extra_args(false);
  AddVerb(*backfill, context, args, "list", "backfills that are not over",
          [](Context& in, const TriggerArguments&) { return ListBackfills(in); });
  AddNamed(*backfill, context, args, "pause", "let the one that runs end, and begin no other",
           [](Context& in, const TriggerArguments& given) {
             return Do(in, given, "has paused its backfill", [](TriggerClient& client, const v1::TriggerName& name) {
               return client.PauseBackfill(name, true);
             });
           });
  AddNamed(*backfill, context, args, "resume", "go on with a backfill", [](Context& in, const TriggerArguments& given) {
    return Do(in, given, "goes on with its backfill",
              [](TriggerClient& client, const v1::TriggerName& name) { return client.PauseBackfill(name, false); });
  });
  AddNamed(*backfill, context, args, "cancel", "forget the dates that are left", [](Context& in, const TriggerArguments& given) {
    return Do(in, given, "has no backfill any more",
              [](TriggerClient& client, const v1::TriggerName& name) { return client.CancelBackfill(name); });
  });
}

}  // namespace

void RegisterTrigger(CLI::App& app, Context& context) {
  CLI::App* trigger = app.add_subcommand("trigger", "what starts flows by itself: schedules, webhooks, other flows")->require_subcommand(1);
  trigger->fallthrough();
  const auto args = std::make_shared<TriggerArguments>();
  CLI::App* list = AddVerb(*trigger, context, args, "list", "triggers, by name", &List);
  list->add_option("-n,--namespace", args->ns, "this namespace and those below it");
  list->add_option("--flow", args->flow, "NAMESPACE/ID");
  AddNamed(*trigger, context, args, "get", "one trigger", &Get);
  AddNamed(*trigger, context, args, "next", "when a schedule starts its flow next", &Dates)
      ->add_option("-c,--count", args->count, "so many dates")->check(CLI::Range(1, 1000));
  AddNamed(*trigger, context, args, "enable", "let it start executions again", [](Context& in, const TriggerArguments& given) {
    return Do(in, given, "is enabled",
              [](TriggerClient& client, const v1::TriggerName& name) { return client.SetDisabled(name, false); });
  });
  AddNamed(*trigger, context, args, "disable", "let it start nothing", [](Context& in, const TriggerArguments& given) {
    return Do(in, given, "is disabled",
              [](TriggerClient& client, const v1::TriggerName& name) { return client.SetDisabled(name, true); });
  });
  AddNamed(*trigger, context, args, "unlock", "let it go on without waiting for the execution that it started",
           [](Context& in, const TriggerArguments& given) {
             return Do(in, given, "waits for no execution any more",
                       [](TriggerClient& client, const v1::TriggerName& name) { return client.Unlock(name); });
           });
  RegisterBackfill(app, context);
}

}  // namespace headrace::cli
