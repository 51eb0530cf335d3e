// headrace exec purge: page by page, so that whatever interrupts it has lost nothing and can be followed by another.
#include <algorithm>
#include <ostream>
#include <utility>

#include "api/translate.h"
#include "cli/client/exec_client.h"
#include "cli/commands/arguments.h"
#include "cli/commands/exec_verbs.h"
#include "cli/exit_code.h"
#include "cli/output/json.h"
#include "cli/output/table.h"
#include "common/base/clock.h"

namespace headrace::cli {
namespace {

using model::State;

constexpr int kPage = 100;

struct Purged {
  std::uint64_t executions = 0;
  std::uint64_t log_lines = 0;
  std::uint64_t files = 0;
  int kept = 0;
};

std::string Count(std::uint64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

template <typename Request>
Result<Request> RequestOf(const PurgeArguments& arguments) {
  Request request;
  request.set_namespace_prefix(arguments.ns);
  request.set_flow_id(arguments.flow);
  ASSIGN_OR_RETURN(const Timestamp before, ParseMoment(arguments.before, SystemClock().Now()));
  api::ToProto(before, request.mutable_created_before());
  std::vector<State> states = {State::kSuccess, State::kWarning, State::kFailed, State::kKilled, State::kCancelled, State::kRetried};
  if (!arguments.states.empty()) states.clear();
  for (const std::string& name : arguments.states) {
    const auto state = model::ParseState(name);
    if (!state || !model::IsTerminal(*state)) {
      return InvalidArgument("executions in state " + name + " have not ended and cannot be purged; end them with exec kill");
    }
    states.push_back(*state);
  }
  for (const State state : states) request.add_states(api::ToProto(state));
  return request;
}

int Preview(Context& context, ExecClient& client, const PurgeArguments& arguments) {
  const auto request = RequestOf<v1::CountExecutionsRequest>(arguments);
  if (!request) return PrintError(context, request.error());
  const auto counts = client.Count(*request);
  if (!counts) return PrintError(context, counts.error());
  Listing listing{{{"FLOW"}, {"EXECUTIONS"}}};
  std::uint64_t total = 0;
  for (const v1::FlowCount& count : counts->counts()) {
    const std::string name = count.namespace_() + "/" + count.flow_id();
    listing.rows.push_back({name, {{name}, {std::to_string(count.count())}},
                            Object{{"namespace", count.namespace_()}, {"flowId", count.flow_id()}, {"executions", count.count()}}});
    total += count.count();
  }
  PrintListing(context, listing);
  if (!context.quiet) context.err << "dry run: " << Count(total, "execution") << " would go\n";
  return kExitOk;
}

Status PurgePage(ExecClient& client, const v1::ListExecutionsResponse& page, bool keep_files, Purged& purged) {
  v1::PurgeExecutionsRequest request;
  for (const v1::Execution& execution : page.executions()) request.add_ids(execution.id());
  if (request.ids().empty()) return {};
  request.set_keep_files(keep_files);
  ASSIGN_OR_RETURN(const v1::PurgeExecutionsResponse response, client.Purge(request));
  purged.executions += response.executions();
  purged.log_lines += response.log_lines();
  purged.files += response.files();
  purged.kept += response.kept_ids_size();
  return {};
}

Status PurgeAll(ExecClient& client, const PurgeArguments& arguments, Purged& purged) {
  ASSIGN_OR_RETURN(v1::ListExecutionsRequest request, RequestOf<v1::ListExecutionsRequest>(arguments));
  request.set_page_size(kPage);
  do {
    ASSIGN_OR_RETURN(const v1::ListExecutionsResponse page, client.List(request));
    RETURN_IF_ERROR(PurgePage(client, page, arguments.keep_files, purged));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return {};
}

}  // namespace

int PurgeExecutions(Context& context, const PurgeArguments& arguments) {
  ExecClient client(ConnectTo(context));
  if (arguments.dry_run) return Preview(context, client, arguments);
  Purged purged;
  const Status done = PurgeAll(client, arguments, purged);
  if (WantsData(context)) {
    PrintValue(context, Object{{"executions", purged.executions}, {"logLines", purged.log_lines}, {"files", purged.files}, {"kept", purged.kept}});
  } else if (!context.quiet && (done || purged.executions > 0)) {
    context.err << "purged " << Count(purged.executions, "execution") << ", " << Count(purged.log_lines, "log line") << ", "
                << Count(purged.files, "file");
    if (purged.kept > 0) context.err << "; " << Count(static_cast<std::uint64_t>(purged.kept), "execution") << " had not ended for good";
    context.err << '\n';
  }
  return done ? kExitOk : PrintError(context, done.error());
}

}  // namespace headrace::cli
