#include "worker/github/github_tasks.h"
#include "worker/github/look.h"
#include "worker/sealed.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

// The token rests sealed, as SECRET inputs do: expressions of later tasks open it, and it is masked there.
Result<TaskOutcome> RunAppToken(Look& look) {
  const Sealer sealer(look.context().services().options.environment);
  if (!sealer.has_key())
    return Fail(Code::kFailedPrecondition, "an App's token as an output rests encrypted, and this worker has no key: set HEADRACE_ENCRYPTION_KEY, or use "
                                           "`connection:` with an app, where no task sees a token");
  if (look.client().connection().app.client_id.empty())
    return InvalidArgument("clientId: is missing, with installationId and privateKey; or name a `connection` that has an app");
  ASSIGN_OR_RETURN(const InstallationToken made, look.client().Mint());
  look.context().masker().Register(made.token);
  ASSIGN_OR_RETURN(const std::string sealed, sealer.Seal(made.token));
  look.context().Log("INFO", "the App's token holds until " + FormatInstant(made.expires));
  return TaskOutcome::Success({{"token", Object{{"type", kSealedType}, {"value", sealed}}}, {"expiresAt", FormatInstant(made.expires)}});
}

model::TaskTypeSpec AppTokenSpec(std::string type) {
  model::TaskTypeSpec spec{
      .type = std::move(type),
      .doc = "A token of a GitHub App's installation, for scripts. It holds for an hour and rests encrypted. Tasks for GitHub need none: they take a connection with an app.",
      .properties = WithConnection({{.name = "clientId", .doc = "Of the App, or its id."},
                                    {.name = "installationId", .doc = "Of the installation."},
                                    {.name = "privateKey", .doc = "Its private key, PEM: {{ secret('GITHUB_APP_KEY') }}."}}),
      .outputs = {{.name = "token", .doc = "The token, encrypted where it rests."}, {.name = "expiresAt", .doc = "When it ends."}}};
  spec.example = "id: token\ntype: " + spec.type + "\nclientId: Iv23liAcme\ninstallationId: \"52068731\"\nprivateKey: \"{{ secret('GITHUB_APP_KEY') }}\"\n";
  return spec;
}

}  // namespace

std::vector<TaskType> TokenTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(AppTokenSpec("headrace.github.AppToken"), RunAppToken, hub));
  model::TaskTypeSpec kestra = AppTokenSpec("io.kestra.plugin.github.auth.AppToken");
  kestra.support = model::Support::kDiffers;
  kestra.differs = "The token rests encrypted and needs HEADRACE_ENCRYPTION_KEY; a `connection` with an app can be named instead of the key.";
  types.push_back(MakeGithubType(std::move(kestra), RunAppToken, hub));
  return types;
}

}  // namespace headrace::worker::github
