#include "worker/github/look.h"

#include <algorithm>

#include "common/base/text.h"
#include "worker/engine/asking.h"
#include "worker/github/shared_state.h"
#include "worker/http/request_plan.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

// In the environment of the worker; `--connections` sets it.
constexpr std::string_view kConnectionsVariable = "HEADRACE_CONNECTIONS";
constexpr Duration kSayWeatherEvery = std::chrono::minutes(5);
constexpr Duration kDoorWait = std::chrono::seconds(5);

// An App's key may stand in the task, too.
Status ReadApp(TaskContext& context, App& to) {
  for (auto& [name, field] : {std::pair<const char*, std::string*>{"clientId", &to.client_id}, {"installationId", &to.installation_id}, {"privateKey", &to.private_key}}) {
    ASSIGN_OR_RETURN(const auto text, context.Text(name));
    *field = std::string(Trim(text.value_or("")));
    if (field->empty()) return InvalidArgument(std::string(name) + ": is missing");
  }
  return {};
}

// Kestra's own properties: the token stands in the task.
Result<Connection> DirectConnection(TaskContext& context) {
  Connection to;
  for (const char* name : {"oauthToken", "appInstallationToken", "jwtToken"}) {
    ASSIGN_OR_RETURN(const auto token, context.Text(name));
    if (to.token.empty()) to.token = std::string(Trim(token.value_or("")));
  }
  ASSIGN_OR_RETURN(const auto endpoint, context.Text("endpoint"));
  ASSIGN_OR_RETURN(to.endpoint, ReadEndpoint(endpoint.value_or("")));
  if (to.token.empty() && context.Has("clientId")) {
    RETURN_IF_ERROR(ReadApp(context, to.app));
    to.name = "direct-" + FingerprintOf(to.endpoint + " " + to.app.client_id + " " + to.app.installation_id);
    return to;
  }
  if (to.token.empty()) {
    return InvalidArgument("connection: name one of the worker's connections file (`connection: NAME`), or give the task an "
                           "oauthToken: \"{{ secret('GITHUB_TOKEN') }}\"");
  }
  to.name = "direct-" + FingerprintOf(to.endpoint + " " + to.token);
  return to;
}

Result<Connection> NamedConnection(TaskContext& context, Hub& hub, const std::string& name) {
  const auto& environment = context.services().options.environment;
  const auto file = environment.find(std::string(kConnectionsVariable));
  if (file == environment.end() || file->second.empty()) {
    return Fail(Code::kFailedPrecondition, "connection '" + name + "': this worker has no connections file: start it with "
                                               "`--connections FILE` (or HEADRACE_CONNECTIONS)");
  }
  ASSIGN_OR_RETURN(const Value document, hub.Document(file->second));
  auto found = FindConnection(document, name, [&](std::string_view text) -> Result<std::string> {
    ASSIGN_OR_RETURN(const Value value, context.RenderValue(json::string(text), false));
    return ToText(value);
  });
  if (!found) return Fail(std::move(found.error()).Wrap(file->second));
  return found;
}

Result<Connection> ReadConnection(TaskContext& context, Hub& hub) {
  ASSIGN_OR_RETURN(const auto name, context.Text("connection"));
  if (!name || Trim(*name).empty()) return DirectConnection(context);
  return NamedConnection(context, hub, std::string(Trim(*name)));
}

class LookRunner final : public TaskRunner {
 public:
  LookRunner(LookFunction function, std::shared_ptr<Hub> hub) : function_(function), hub_(std::move(hub)) {}

  TaskOutcome Run(TaskContext& context) override {
    auto look = Look::Open(context, *hub_);
    if (!look) return TaskOutcome::Failed(look.error().message);
    auto outcome = function_(**look);
    if (outcome) return std::move(*outcome);
    if (outcome.error().code == Code::kUnavailable) return (*look)->Wait(outcome.error());
    return TaskOutcome::Failed(outcome.error().message);
  }

 private:
  const LookFunction function_;
  const std::shared_ptr<Hub> hub_;
};

}  // namespace

Look::Look(TaskContext& context, EngineDoor& door, Hub& hub, Connection connection)
    : context_(context), door_(door), connection_(std::move(connection)) {
  client_ = std::make_unique<Client>(context, door, hub, connection_);
  if (const Object* memo = context.memo().if_object()) memo_ = *memo;
  if (const std::int64_t turn = NumberAt(Value(memo_), "turn"); turn != 0) client_->SetTurn(FromMicros(turn));
  for (const std::string& secret : {connection_.token, connection_.app.private_key, connection_.webhook_secret})
    if (!secret.empty()) context.masker().Register(secret);
}

Result<std::unique_ptr<Look>> Look::Open(TaskContext& context, Hub& hub) {
  ASSIGN_OR_RETURN(EngineDoor* const door, Door(context));
  ASSIGN_OR_RETURN(Connection connection, ReadConnection(context, hub));
  return std::unique_ptr<Look>(new Look(context, *door, hub, std::move(connection)));
}

Result<Repository> Look::ReadRepository() {
  ASSIGN_OR_RETURN(const std::string text, context_.RequiredText("repository"));
  const std::string name(Trim(text));
  const std::size_t slash = name.find('/');
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.'; };
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size() || name.find('/', slash + 1) != std::string::npos ||
      !std::all_of(name.begin(), name.end(), [&](char c) { return c == '/' || plain(c); }))
    return InvalidArgument("repository: '" + text + "' is not of the form owner/name");
  return Repository{name.substr(0, slash), name.substr(slash + 1)};
}

std::string Look::Key(const Repository& repository, std::string_view rest) const {
  std::string key = "gh/" + connection_.name + "/" + repository.full() + "/" + std::string(rest);
  std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return c < 0x20 ? '_' : static_cast<char>(c); });
  return key;
}

std::int64_t Look::cost() const { return NumberAt(Value(memo_), "cost") + client_->cost(); }

void Look::KeepMemo() {
  memo_["cost"] = cost();
  if (client_->turn()) memo_["turn"] = ToMicros(*client_->turn());
  else memo_.erase("turn");
}

TaskOutcome Look::Again(Duration after, Duration interval, std::string topic, std::vector<std::string> keys, Duration at_latest) {
  memo_.erase("weather");
  KeepMemo();
  TaskOutcome outcome;
  outcome.look_again = LookAgain{.after = std::max<Duration>(after, std::chrono::milliseconds(50)), .interval = interval,
                                 .at_latest = at_latest, .memo = memo_, .topic = std::move(topic), .keys = std::move(keys)};
  return outcome;
}

// A write's own turn is no weather worth a word.
TaskOutcome Look::Wait(const Error& weather) {
  Timestamp due = client_->due();
  if (due <= now()) due = now() + kDoorWait;
  Object& seen = [&]() -> Object& {
    Value& value = memo_["weather"];
    if (!value.is_object()) value = Object{{"since", ToMicros(now())}, {"said", 0}};
    return value.get_object();
  }();
  const Timestamp said = TimeAt(Value(seen), "said");
  if (!client_->turn() && now() - said >= kSayWeatherEvery) {
    const bool long_already = now() - TimeAt(Value(seen), "since") >= kSayWeatherEvery;
    context_.Log(long_already ? "WARN" : "INFO", "waits until " + FormatInstant(due) + ": " + weather.message);
    seen["said"] = ToMicros(now());
  }
  KeepMemo();
  TaskOutcome outcome;
  outcome.look_again = LookAgain{.after = std::max<Duration>(due - now(), std::chrono::milliseconds(50)), .memo = memo_,
                                 .topic = topic_, .keys = keys_};
  return outcome;
}

void Look::StayWith(std::string topic, std::vector<std::string> keys) {
  topic_ = std::move(topic);
  keys_ = std::move(keys);
}

TaskType MakeGithubType(model::TaskTypeSpec spec, LookFunction function, std::shared_ptr<Hub> hub) {
  return {.spec = std::move(spec), .make = [function, hub = std::move(hub)] {
            return std::make_unique<LookRunner>(function, hub);
          }};
}

std::vector<model::PropertySpec> WithConnection(std::vector<model::PropertySpec> properties) {
  const std::vector<model::PropertySpec> own = {
      {.name = "connection", .doc = "The name of a connection of the worker's connections file (`--connections`). Instead of a token here."},
      {.name = "oauthToken", .doc = "A token, such as {{ secret('GITHUB_TOKEN') }}."},
      {.name = "appInstallationToken", .doc = "The token of an App's installation."},
      {.name = "jwtToken", .doc = "A JWT, taken as the token."},
      {.name = "endpoint", .doc = "Of the REST API, such as https://ghe.company/api/v3; https://api.github.com otherwise. Not with `connection`."}};
  properties.insert(properties.begin(), own.begin(), own.end());
  return properties;
}

Result<Duration> ReadInterval(TaskContext& context, std::string_view property, Duration fallback) {
  ASSIGN_OR_RETURN(const auto span, context.Span(property));
  return std::max<Duration>(span.value_or(fallback), std::chrono::seconds(1));
}

std::string Part(std::string_view text) { return PercentEncode(text); }

}  // namespace headrace::worker::github
