// Commands and replies of Redis as bytes (RESP2).
// Errors: bytes that are no reply are DATA_LOSS; an error reply is a value (redis_errors.h reads it).
// Threads: one owner. Source: hiredis reads; writing is three lines.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

struct redisReader;

namespace headrace::store {

struct Reply {
  enum class Kind : std::uint8_t { kNil, kInteger, kText, kError, kList };
  Kind kind = Kind::kNil;
  std::int64_t integer = 0;
  std::string text{};
  std::vector<Reply> items{};

  bool nil() const { return kind == Kind::kNil; }
  bool error() const { return kind == Kind::kError; }
  // The text or digits as a number; 0 if it is none.
  std::int64_t number() const;
};

// One command, argument by argument.
class Command {
 public:
  Command() = default;
  Command(std::initializer_list<std::string_view> words) { for (const std::string_view word : words) Add(word); }
  Command& Add(std::string_view word);
  Command& Add(std::int64_t number);
  Command& Add(std::uint64_t number);
  // For what is counted before it is written.
  std::size_t words() const { return words_; }
  std::string Take() &&;

 private:
  std::string body_;
  std::size_t words_ = 0;
};

class ReplyReader {
 public:
  ReplyReader();
  ~ReplyReader();
  Status Feed(std::string_view bytes);
  // Nothing: more bytes are needed.
  Result<std::optional<Reply>> Next();

 private:
  redisReader* reader_;
};

}  // namespace headrace::store
