#include "worker/github/make_once.h"

#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr Duration kShowsWithin = std::chrono::seconds(30);
// Between this clock and GitHub's.
constexpr Duration kClocksDiffer = std::chrono::minutes(1);

Result<std::optional<Value>> LookForIt(Look& look, const Making& making, Timestamp sent) {
  ASSIGN_OR_RETURN(const Array items, ReadList(look, making.list_path, "", 200));
  for (const Value& item : items) {
    const auto created = ParseInstant(TextAt(item, "created_at"));
    if (created && *created + kClocksDiffer >= sent && making.is_it(item)) return std::optional<Value>(item);
  }
  if (look.now() - sent < kShowsWithin) return std::optional<Value>();
  return Fail(Code::kFailedPrecondition, "the answer to " + making.ask.method + " " + making.ask.path +
                                             " was lost, and what it was to make has not shown up: it is not sent again");
}

}  // namespace

Result<std::optional<Value>> MakeOnce(Look& look, Writer& writer, const Making& making) {
  if (look.memo().contains("sentAt")) return LookForIt(look, making, TimeAt(Value(look.memo()), "sentAt"));
  look.memo()["sentAt"] = ToMicros(look.now());
  auto sent = writer.Send(making.ask, making.pretend);
  if (!sent && sent.error().code == Code::kAborted) return std::optional<Value>();
  if (!sent || !sent->ok()) look.memo().erase("sentAt");
  if (!sent) return Fail(std::move(sent.error()));
  if (!sent->ok()) return Fail(Code::kFailedPrecondition, Refusal(making.ask, *sent));
  return std::optional<Value>(std::move(sent->body));
}

}  // namespace headrace::worker::github
