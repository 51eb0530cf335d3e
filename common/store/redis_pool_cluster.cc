// Calls in a cluster: divided among the masters, asked all at once, and where a slot is being moved asked where it goes.
#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "common/store/redis_errors.h"
#include "common/store/redis_library.h"
#include "common/store/redis_pool.h"

namespace headrace::store {

Result<std::vector<Reply>> RedisPool::TryInCluster(std::span<const std::string> commands, Deadline began, Duration total,
                                                   std::string& where) {
  where.clear();
  if (auto away = KnownAway(where, total)) return Fail(std::move(*away));
  auto divided = Divide(commands, UpTo(patience_.connect, GivesUp(where, began, total)));
  NoteOutcome(where, divided ? std::nullopt : std::optional(divided.error()));
  ASSIGN_OR_RETURN(std::vector<Part> parts, std::move(divided));
  for (Part& part : parts) {
    part.deadline = GivesUp(part.place, began, total);
    part.error = KnownAway(part.place, total);
    if (part.error) continue;
    if (Status begun = Begin(part, commands); !begun) part.error = std::move(begun.error());
  }
  std::vector<Reply> replies(commands.size());
  for (Part& part : parts) {
    if (part.error) continue;
    if (Status ended = End(part, commands, replies); !ended) part.error = std::move(ended.error());
  }
  // What waiting does not help is said first.
  const Part* worst = nullptr;
  for (const Part& part : parts) {
    if (part.error && (worst == nullptr || (worst->error->code == Code::kUnavailable && part.error->code != Code::kUnavailable))) worst = &part;
  }
  if (worst == nullptr) return replies;
  where = worst->place;
  return Fail(*worst->error);
}

Result<std::vector<RedisPool::Part>> RedisPool::Divide(std::span<const std::string> commands, Duration timeout) const {
  std::vector<Part> parts;
  std::size_t last = 0;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (const auto key = KeyOf(commands[i])) {
      ASSIGN_OR_RETURN(const RedisEndpoint master, locator_.FindMaster(timeout, SlotOf(*key)));
      const auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.master == master; });
      last = static_cast<std::size_t>(found - parts.begin());
      if (found == parts.end()) parts.push_back({.master = master, .place = master.ToString()});
    }
    CHECK(last < parts.size());
    parts[last].commands.push_back(i);
    parts[last].waits = parts[last].waits || !KeyOf(commands[i]);
  }
  return parts;
}

Status RedisPool::Begin(Part& part, std::span<const std::string> commands) {
  auto taken = Take(part.place, &part.master, part.deadline);
  if (!taken) {
    if (taken.error().code == Code::kUnavailable) NoteOutcome(part.place, taken.error());
    return Fail(std::move(taken.error()));
  }
  part.taken = std::move(*taken);
  for (const std::size_t i : part.commands) {
    if (gates_ != nullptr) {
      const auto key = KeyOf(commands[i]);
      const auto partition = key ? PartitionOf(*key) : std::nullopt;
      if (partition) RETURN_IF_ERROR(gates_->MayRead(*partition, part.taken.link->server()));
    }
    part.taken.link->Send(commands[i]);
  }
  Status sent = part.taken.link->Move();
  if (!sent) Broke(part, sent.error());
  return sent;
}

void RedisPool::Broke(const Part& part, const Error& error) {
  locator_.cluster()->Doubt();
  NoteOutcome(part.place, error);
}

Status RedisPool::End(Part& part, std::span<const std::string> commands, std::vector<Reply>& replies) {
  auto came = part.taken.link->Collect(part.commands.size(), UpTo(patience_.reply, part.deadline));
  if (!came) {
    Broke(part, came.error());
    return Fail(std::move(came.error()));
  }
  NoteOutcome(part.place, std::nullopt);
  Status status;
  bool sound = true;
  for (std::size_t i = 0; i < came->size(); ++i) {
    Reply& reply = (*came)[i];
    if (reply.error() && status) status = Answered(part, commands[part.commands[i]], reply, sound);
    replies[part.commands[i]] = std::move(reply);
  }
  if (sound) GiveBack(part.place, std::move(part.taken));
  return status;
}

// An error reply. `sound`: whether the connection is worth keeping.
Status RedisPool::Answered(Part& part, const std::string& command, Reply& reply, bool& sound) {
  const Trouble trouble = ReadTrouble(reply.text).trouble;
  RedisLink& link = *part.taken.link;
  // What a WAIT follows is done where that waits, or not yet.
  if (reply.text.starts_with("ASK ") && !part.waits) {
    ASSIGN_OR_RETURN(reply, AskThere(part, command, reply.text));
    return {};
  }
  if (trouble == Trouble::kLoad) RETURN_IF_ERROR(LoadFunctions(link, UpTo(patience_.reply, part.deadline)));
  if (trouble == Trouble::kSlot || trouble == Trouble::kElsewhere) {
    locator_.cluster()->Doubt();
    sound = false;
  }
  Error error = trouble == Trouble::kSlot ? SlotErrorOf(reply.text, link.place()) : ErrorOf(reply.text, link.place());
  // One that starts, say, is away for all that it has; a slot that moves is none of the others' business.
  if (trouble == Trouble::kWait && !reply.text.starts_with("TRYAGAIN")) NoteOutcome(part.place, error);
  return Fail(std::move(error));
}

// This once: the slot is not there yet, but this key of it is, or may only come to be there.
Result<Reply> RedisPool::AskThere(const Part& part, const std::string& command, const std::string& told) {
  auto there = NamedBy(told);
  if (!there) return Fail(SlotErrorOf(told, part.place));
  if (there->host.empty()) there->host = part.master.host;
  const std::string place = there->ToString();
  ASSIGN_OR_RETURN(Resting taken, Take(place, &*there, part.deadline));
  const std::array<std::string, 2> commands{Command{"ASKING"}.Take(), command};
  ASSIGN_OR_RETURN(std::vector<Reply> replies, taken.link->Exchange(commands, UpTo(patience_.reply, part.deadline)));
  if (replies[1].error()) {
    const bool moves = ReadTrouble(replies[1].text).trouble == Trouble::kSlot;
    if (ReadTrouble(replies[1].text).trouble == Trouble::kLoad) RETURN_IF_ERROR(LoadFunctions(*taken.link, UpTo(patience_.reply, part.deadline)));
    return Fail(moves ? SlotErrorOf(replies[1].text, place) : ErrorOf(replies[1].text, place));
  }
  GiveBack(place, std::move(taken));
  return std::move(replies[1]);
}

}  // namespace headrace::store
