// Replaces secrets by ****** in everything that leaves a task: logs, outputs, messages.
// Shapes: a secret is known in its raw, base64 (also inside a longer text), URL-encoded and JSON-escaped forms, and a
//   secret of several lines by each longer line. A secret shorter than kSecretBytesMin hides only a text that is nothing
//   else: masking every "1" or "no" would ruin the log and tell which characters the secret has.
// Threads: a Masker may be shared (registering locks); a MaskStream has one owner.
// Cost: linear in the text whatever the secrets (Aho-Corasick); a text without secrets costs one scan.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/value.h"

namespace headrace::worker {

inline constexpr std::size_t kSecretBytesMin = 4;
inline constexpr std::string_view kMask = "******";

// All forms of all secrets as one automaton. Immutable.
class MaskPatterns {
 public:
  explicit MaskPatterns(const std::set<std::string>& patterns);

  // The state after one more byte.
  std::uint32_t Step(std::uint32_t state, unsigned char byte) const;
  // The longest pattern that ends in this state; 0: none.
  std::size_t matched(std::uint32_t state) const { return nodes_[state].matched; }
  // How many of the last bytes may yet become a match.
  std::size_t depth(std::uint32_t state) const { return nodes_[state].depth; }
  bool starts(unsigned char byte) const { return root_[byte] != 0; }

 private:
  struct Node {
    std::uint32_t child = 0;
    std::uint32_t sibling = 0;
    std::uint32_t fail = 0;
    std::uint32_t depth = 0;
    std::uint32_t matched = 0;
    unsigned char byte = 0;
  };
  std::uint32_t Child(std::uint32_t state, unsigned char byte) const;
  void Insert(std::string_view pattern);
  void LinkFailures();

  std::vector<Node> nodes_;
  std::array<std::uint32_t, 256> root_{};
};

// Masks one stream of bytes that comes in pieces of any size.
class MaskStream {
 public:
  explicit MaskStream(std::shared_ptr<const MaskPatterns> patterns) : patterns_(std::move(patterns)) {}

  // Appends to `out` what is certain by now; keeps back what may be the beginning of a secret.
  void Push(std::string_view piece, std::string& out);
  // The stream has ended: what was kept back comes out.
  void Finish(std::string& out);

 private:
  void Cover(std::size_t from);
  void Settle(std::size_t until, std::string& out);
  void Drop(std::size_t bytes);
  std::size_t held() const { return buffer_.size() - head_; }

  std::shared_ptr<const MaskPatterns> patterns_;  // null: nothing to hide
  std::uint32_t state_ = 0;
  std::string buffer_{};  // bytes that have not come out yet stand behind head_
  std::size_t head_ = 0;
  struct Region {
    std::size_t from;
    std::size_t to;
  };
  std::vector<Region> regions_{};  // matches among the held bytes, counted from head_; in order, not touching
  bool after_mask_ = false;        // the last thing that came out was a mask; touching secrets make one
};

class Masker {
 public:
  // From now on `secret` is hidden.
  void Register(std::string_view secret);
  bool empty() const { return empty_.load(std::memory_order_acquire); }

  std::string Mask(std::string_view text) const;
  // Texts and keys inside `value`.
  Value MaskDeep(const Value& value) const;
  MaskStream Stream() const;

 private:
  std::shared_ptr<const MaskPatterns> patterns() const;

  mutable std::mutex mutex_;
  std::set<std::string> forms_;
  std::set<std::string, std::less<>> short_;
  mutable std::shared_ptr<const MaskPatterns> patterns_;  // null until needed
  std::atomic<bool> empty_ = true;
};

}  // namespace headrace::worker
