#include "common/expr/jq_path.h"

#include <charconv>
#include <cstdint>

namespace headrace::expr {
namespace {

using Picked = std::vector<const Value*>;

constexpr std::size_t kPickedMax = 10'000;
constexpr std::size_t kProgramMax = 1000;  // it is read again for every value

const Value& Null() {
  static const Value null;
  return null;
}

bool IsNameStart(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsNamePart(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

// Parses and runs in one go: each step maps what is picked so far.
class Picker {
 public:
  explicit Picker(std::string_view program) : rest_(program) {}

  std::optional<Picked> Run(const Value& input) {
    Picked picked = {&input};
    do {
      Picked next;
      const std::string_view alternatives = rest_;
      for (const Value* value : picked) {
        rest_ = alternatives;
        if (!PickAll(*value, next)) return std::nullopt;
      }
      if (picked.empty()) return std::nullopt;  // the rest was not looked at
      picked = std::move(next);
    } while (Take('|'));
    Skip();
    return rest_.empty() ? std::optional(std::move(picked)) : std::nullopt;
  }

 private:
  bool PickAll(const Value& input, Picked& out) {
    do {
      Picked picked = {&input};
      if (!PickTerm(picked) || out.size() + picked.size() > kPickedMax) return false;
      out.insert(out.end(), picked.begin(), picked.end());
    } while (Take(','));
    return true;
  }

  bool PickTerm(Picked& picked) {
    if (!Take('.')) return false;
    bool after_dot = true;
    while (!rest_.empty()) {
      if (after_dot && IsNameStart(rest_.front())) {
        std::size_t end = 1;
        while (end < rest_.size() && IsNamePart(rest_[end])) ++end;
        if (!Member(rest_.substr(0, end), picked)) return false;
        rest_.remove_prefix(end);
      } else if (rest_.front() == '[') {
        if (!Brackets(picked)) return false;
      } else if (!after_dot && rest_.front() == '.') {
        rest_.remove_prefix(1);
        if (rest_.empty() || !(IsNameStart(rest_.front()) || rest_.front() == '[')) return false;
        after_dot = true;
        continue;
      } else {
        break;
      }
      after_dot = false;
    }
    return true;
  }

  bool Brackets(Picked& picked) {
    rest_.remove_prefix(1);
    const std::size_t close = rest_.find(']');
    if (close == std::string_view::npos) return false;
    std::string_view inside = rest_.substr(0, close);
    rest_.remove_prefix(close + 1);
    if (inside.empty()) return Every(picked);
    if (inside.size() >= 2 && inside.front() == '"' && inside.back() == '"') {
      inside = inside.substr(1, inside.size() - 2);
      return inside.find_first_of("\\\"") == std::string_view::npos && Member(inside, picked);
    }
    std::int64_t index = 0;
    const char* end = inside.data() + inside.size();
    const auto [stop, failure] = std::from_chars(inside.data(), end, index);
    return failure == std::errc() && stop == end && Element(index, picked);
  }

  static bool Member(std::string_view key, Picked& picked) {
    for (const Value*& value : picked) {
      if (!value->is_object() && !value->is_null()) return false;
      const Value* found = headrace::Member(*value, key);
      value = found == nullptr ? &Null() : found;
    }
    return true;
  }

  static bool Element(std::int64_t index, Picked& picked) {
    for (const Value*& value : picked) {
      if (!value->is_array() && !value->is_null()) return false;
      const auto size = value->is_array() ? static_cast<std::int64_t>(value->get_array().size()) : 0;
      const std::int64_t at = index < 0 ? index + size : index;
      value = at < 0 || at >= size ? &Null() : &value->get_array()[static_cast<std::size_t>(at)];
    }
    return true;
  }

  static bool Every(Picked& picked) {
    Picked all;
    for (const Value* value : picked) {
      if (const Array* list = value->if_array()) {
        for (const Value& item : *list) all.push_back(&item);
      } else if (const Object* map = value->if_object()) {
        for (const auto& entry : *map) all.push_back(&entry.value());
      } else {
        return false;
      }
      if (all.size() > kPickedMax) return false;
    }
    picked = std::move(all);
    return true;
  }

  void Skip() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }
  bool Take(char c) {
    Skip();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::vector<const Value*>> PickByJq(std::string_view program, const Value& input) {
  if (program.size() > kProgramMax) return std::nullopt;
  return Picker(program).Run(input);
}

}  // namespace headrace::expr
