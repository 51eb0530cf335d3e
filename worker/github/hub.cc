#include "worker/github/hub.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/expr/yaml_reader.h"

namespace headrace::worker::github {
namespace {

constexpr std::size_t kAnswerBytesMax = 32U * 1024 * 1024;
constexpr Duration kRenewBefore = std::chrono::minutes(5);

std::size_t BytesOf(const std::pair<std::string, KeptAnswer>& kept) {
  return kept.first.size() + kept.second.body.size() + kept.second.etag.size() + kept.second.link.size();
}

}  // namespace

Result<Value> Hub::Document(const std::string& file) {
  struct stat seen {};
  if (stat(file.c_str(), &seen) != 0)
    return NotFound("connections file " + file + ": " + std::strerror(errno));
  const std::int64_t changed = seen.st_mtim.tv_sec * 1'000'000'000LL + seen.st_mtim.tv_nsec;
  const std::lock_guard lock(mutex_);
  if (file == file_ && changed == file_changed_) return document_;
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) return Fail(Code::kUnavailable, "connections file " + file + " cannot be read");
  auto document = expr::ReadYaml(text.str());
  if (!document) return Fail(std::move(document.error()).Wrap("connections file " + file));
  file_ = file;
  file_changed_ = changed;
  document_ = std::move(*document);
  return document_;
}

Result<std::string> Hub::TokenOf(const std::string& installation, Timestamp now, const Mint& mint) {
  std::shared_ptr<Installation> of;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Installation>& found = installations_[installation];
    if (found == nullptr) found = std::make_shared<Installation>();
    of = found;
  }
  const std::lock_guard minting(of->minting);
  if (of->token.token.empty() || of->token.expires - kRenewBefore <= now) {
    ASSIGN_OR_RETURN(of->token, mint());
  }
  return of->token.token;
}

void Hub::ForgetToken(const std::string& installation, const std::string& token) {
  std::shared_ptr<Installation> of;
  {
    const std::lock_guard lock(mutex_);
    const auto found = installations_.find(installation);
    if (found == installations_.end()) return;
    of = found->second;
  }
  const std::lock_guard minting(of->minting);
  if (of->token.token == token) of->token = {};
}

bool Hub::SpeaksOld(const std::string& origin) const {
  const std::lock_guard lock(mutex_);
  return old_.contains(origin);
}

void Hub::NoteOld(const std::string& origin) {
  const std::lock_guard lock(mutex_);
  old_[origin] = true;
}

std::optional<KeptAnswer> Hub::FindAnswer(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  answers_.splice(answers_.begin(), answers_, found->second);
  return found->second->second;
}

void Hub::KeepAnswer(const std::string& key, KeptAnswer answer) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    answer_bytes_ -= BytesOf(*found->second);
    answers_.erase(found->second);
    by_key_.erase(found);
  }
  answers_.emplace_front(key, std::move(answer));
  by_key_[key] = answers_.begin();
  answer_bytes_ += BytesOf(answers_.front());
  while (answer_bytes_ > kAnswerBytesMax) {
    answer_bytes_ -= BytesOf(answers_.back());
    by_key_.erase(answers_.back().first);
    answers_.pop_back();
  }
}

std::shared_ptr<void> Hub::Enter(const std::string& connection, int most) {
  const std::lock_guard lock(mutex_);
  int& now = under_way_[connection];
  if (now >= most) return nullptr;
  ++now;
  return {&now, [this, connection](void*) {
            const std::lock_guard leave(mutex_);
            --under_way_[connection];
          }};
}

}  // namespace headrace::worker::github
