#include "common/store/redis_reply.h"

#include <hiredis/hiredis.h>

#include <charconv>

#include "common/base/check.h"

namespace headrace::store {
namespace {

Reply ToReply(redisReply& from) {
  Reply reply;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = Reply::Kind::kInteger;
      reply.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      reply.kind = Reply::Kind::kText;
      reply.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = Reply::Kind::kError;
      reply.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = Reply::Kind::kList;
      reply.items.reserve(from.elements);
      for (std::size_t i = 0; i < from.elements; ++i) reply.items.push_back(ToReply(*from.element[i]));
      break;
    default: break;
  }
  return reply;
}

}  // namespace

std::int64_t Reply::number() const {
  if (kind == Kind::kInteger) return integer;
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Command& Command::Add(std::string_view word) {
  body_ += '$';
  body_ += std::to_string(word.size());
  body_ += "\r\n";
  body_ += word;
  body_ += "\r\n";
  ++words_;
  return *this;
}

Command& Command::Add(std::int64_t number) { return Add(std::string_view(std::to_string(number))); }
Command& Command::Add(std::uint64_t number) { return Add(std::string_view(std::to_string(number))); }

std::string Command::Take() && { return "*" + std::to_string(words_) + "\r\n" + body_; }

ReplyReader::ReplyReader() : reader_(redisReaderCreate()) { CHECK(reader_ != nullptr); }
ReplyReader::~ReplyReader() { redisReaderFree(reader_); }

Status ReplyReader::Feed(std::string_view bytes) {
  if (redisReaderFeed(reader_, bytes.data(), bytes.size()) == REDIS_OK) return {};
  return Fail(Code::kDataLoss, std::string("an answer of Redis cannot be read: ") + reader_->errstr);
}

Result<std::optional<Reply>> ReplyReader::Next() {
  void* read = nullptr;
  if (redisReaderGetReply(reader_, &read) != REDIS_OK) {
    return Fail(Code::kDataLoss, std::string("an answer of Redis cannot be read: ") + reader_->errstr);
  }
  if (read == nullptr) return std::nullopt;
  const std::unique_ptr<void, void (*)(void*)> owner(read, freeReplyObject);
  return ToReply(*static_cast<redisReply*>(read));
}

}  // namespace headrace::store
