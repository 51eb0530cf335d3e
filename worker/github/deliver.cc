#include "worker/github/deliver.h"

#include "worker/github/hook_health.h"
#include "worker/github/poll.h"
#include "worker/github/run_view.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

// "owner/name" of the repository that the delivery is about; empty when it names none.
std::string RepositoryOf(const Value& delivery) {
  const Value* repository = Member(delivery, "repository");
  return repository == nullptr ? std::string() : TextAt(*repository, "full_name");
}

}  // namespace

Status Deliver(EngineDoor& door, std::string_view connection, std::string_view event, std::string_view body) {
  // Of the events only this one tells of a whole run; the poll is the net for all else.
  if (event != "workflow_run") return {};
  ASSIGN_OR_RETURN(const Value delivery, ParseJson(body));
  const Value* subject = Member(delivery, "workflow_run");
  const auto run = subject == nullptr ? std::nullopt : ReadRun(*subject, "webhook");
  const std::string repository = RepositoryOf(delivery);
  if (!run || repository.empty()) return InvalidArgument("the delivery of a workflow_run names no run of a repository");
  const std::string key = ViewKey(connection, repository);
  return ChangeBoard(door, {key}, [&](Board& board) -> Status {
    board.keep = kViewKept;
    RunView view(board.at(key));
    const bool news = view.Put(*run);
    if (news) board.news = {{key, {KeyOf(run->id), "any"}}};
    if (run->ended()) NoteDelivered(board.at(key), *run, news);
    return {};
  });
}

}  // namespace headrace::worker::github
