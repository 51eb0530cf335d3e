#include "worker/masker.h"

#include <algorithm>
#include <deque>

#include "common/base/text.h"
#include "worker/mask_patterns.h"

namespace headrace::worker {

MaskPatterns::MaskPatterns(const std::set<std::string>& patterns) : nodes_(1) {
  for (const std::string& pattern : patterns) Insert(pattern);
  LinkFailures();
}

std::uint32_t MaskPatterns::Child(std::uint32_t state, unsigned char byte) const {
  if (state == 0) return root_[byte];
  std::uint32_t at = nodes_[state].child;
  while (at != 0 && nodes_[at].byte != byte) at = nodes_[at].sibling;
  return at;
}

void MaskPatterns::Insert(std::string_view pattern) {
  std::uint32_t state = 0;
  for (const char c : pattern) {
    const auto byte = static_cast<unsigned char>(c);
    std::uint32_t next = Child(state, byte);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({.sibling = nodes_[state].child, .depth = nodes_[state].depth + 1, .byte = byte});
      nodes_[state].child = next;
      if (state == 0) root_[byte] = next;
    }
    state = next;
  }
  nodes_[state].matched = nodes_[state].depth;
}

void MaskPatterns::LinkFailures() {
  std::deque<std::uint32_t> order;
  for (std::uint32_t at = nodes_[0].child; at != 0; at = nodes_[at].sibling) order.push_back(at);
  while (!order.empty()) {
    const std::uint32_t parent = order.front();
    order.pop_front();
    Node& node = nodes_[parent];
    // A node that ends no pattern itself matches what its longest proper suffix matches.
    if (node.matched == 0) node.matched = nodes_[node.fail].matched;
    for (std::uint32_t at = node.child; at != 0; at = nodes_[at].sibling) {
      nodes_[at].fail = Step(node.fail, nodes_[at].byte);
      order.push_back(at);
    }
  }
}

std::uint32_t MaskPatterns::Step(std::uint32_t state, unsigned char byte) const {
  for (;;) {
    if (const std::uint32_t next = Child(state, byte); next != 0) return next;
    if (state == 0) return 0;
    state = nodes_[state].fail;
  }
}

void MaskStream::Push(std::string_view piece, std::string& out) {
  if (patterns_ == nullptr) {
    out += piece;
    return;
  }
  std::size_t i = 0;
  while (i < piece.size()) {
    if (state_ == 0) {
      // Nothing is held back here: run to the next byte that may begin a secret.
      std::size_t next = i;
      while (next < piece.size() && !patterns_->starts(static_cast<unsigned char>(piece[next]))) ++next;
      out += piece.substr(i, next - i);
      after_mask_ = after_mask_ && next == i;
      i = next;
      if (i == piece.size()) return;
    }
    state_ = patterns_->Step(state_, static_cast<unsigned char>(piece[i]));
    buffer_ += piece[i++];
    if (const std::size_t length = patterns_->matched(state_); length > 0) Cover(held() - length);
    Settle(held() - patterns_->depth(state_), out);
  }
}

// A match from `from` to the last byte; it swallows those that it overlaps or touches.
void MaskStream::Cover(std::size_t from) {
  while (!regions_.empty() && regions_.back().to >= from) {
    from = std::min(from, regions_.back().from);
    regions_.pop_back();
  }
  regions_.push_back({from, held()});
}

// Lets out the first `until` held bytes: no match can begin in them any more.
void MaskStream::Settle(std::size_t until, std::string& out) {
  if (until == 0) return;
  std::size_t at = 0;
  std::size_t closed = 0;
  for (Region& region : regions_) {
    if (region.from >= until) break;
    out.append(buffer_, head_ + at, region.from - at);
    after_mask_ = after_mask_ && region.from == at;
    at = std::min(region.to, until);
    // One that is cut here may still grow; its mask comes with its end.
    if (region.to > until) break;
    if (!after_mask_) out += kMask;
    after_mask_ = true;
    ++closed;
  }
  out.append(buffer_, head_ + at, until - at);
  after_mask_ = after_mask_ && at == until;
  regions_.erase(regions_.begin(), regions_.begin() + static_cast<std::ptrdiff_t>(closed));
  for (Region& region : regions_) {
    region.from -= std::min(region.from, until);
    region.to -= until;
  }
  Drop(until);
}

void MaskStream::Drop(std::size_t bytes) {
  constexpr std::size_t kSlack = 4096;
  head_ += bytes;
  if (head_ < buffer_.size() && head_ < std::max(kSlack, buffer_.size() / 2)) return;
  buffer_.erase(0, head_);
  head_ = 0;
}

void MaskStream::Finish(std::string& out) {
  Settle(held(), out);
  state_ = 0;
}

void Masker::Register(std::string_view secret) {
  const std::string_view trimmed = Trim(secret);
  if (trimmed.empty()) return;
  std::lock_guard lock(mutex_);
  if (trimmed.size() < kSecretBytesMin) short_.emplace(trimmed);
  AddSecretForms(secret, forms_);
  patterns_ = nullptr;
  empty_.store(false, std::memory_order_release);
}

std::shared_ptr<const MaskPatterns> Masker::patterns() const {
  if (empty()) return nullptr;
  std::lock_guard lock(mutex_);
  if (patterns_ == nullptr && !forms_.empty()) patterns_ = std::make_shared<const MaskPatterns>(forms_);
  return patterns_;
}

MaskStream Masker::Stream() const { return MaskStream(patterns()); }

std::string Masker::Mask(std::string_view text) const {
  if (empty()) return std::string(text);
  {
    std::lock_guard lock(mutex_);
    if (short_.contains(Trim(text))) return std::string(kMask);
  }
  std::string out;
  MaskStream stream = Stream();
  stream.Push(text, out);
  stream.Finish(out);
  return out;
}

Value Masker::MaskDeep(const Value& value) const {
  if (empty()) return value;
  switch (value.kind()) {
    case json::kind::string: return Value(json::string(Mask(value.get_string())));
    case json::kind::array: {
      Array out;
      for (const Value& item : value.get_array()) out.push_back(MaskDeep(item));
      return out;
    }
    case json::kind::object: {
      Object out;
      for (const auto& [key, item] : value.get_object()) out[Mask(key)] = MaskDeep(item);
      return out;
    }
    default: return value;
  }
}

}  // namespace headrace::worker
