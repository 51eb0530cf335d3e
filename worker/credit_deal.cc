#include "worker/credit_deal.h"

#include <algorithm>

namespace headrace::worker {
namespace {

constexpr int kLeases = 3;
// Turns a heartbeat: a slot that is shown to somebody without work waits no longer than that.
constexpr int kTurns = 8;

}  // namespace

void CreditDeal::OnTurnedAway(Duration now, Duration lease, Duration heartbeat) {
  until_ = now + kLeases * lease;
  turn_ = std::max(heartbeat / kTurns, Duration(1));
  if (!dealing_) next_turn_ = now + turn_;
  dealing_ = true;
}

void CreditDeal::OnTaken(std::size_t place, Duration now) {
  first_ = place + 1;
  next_turn_ = std::min(now + turn_, until_);
}

bool CreditDeal::OnTick(Duration now, std::size_t places, std::uint32_t free_slots) {
  if (!dealing_ || now < next_turn_) return false;
  next_turn_ = std::min(now + turn_, until_);
  dealing_ = now < until_;
  if (places > 0) first_ = (first_ + free_slots % places) % places;
  return true;
}

std::uint32_t CreditDeal::Share(std::size_t place, std::size_t places, std::uint32_t free_slots) const {
  if (!dealing_ || places < 2) return free_slots;
  const auto all = static_cast<std::uint32_t>(places);
  const std::size_t turn = (place + places - first_ % places) % places;
  return free_slots / all + (turn < free_slots % all ? 1 : 0);
}

}  // namespace headrace::worker
