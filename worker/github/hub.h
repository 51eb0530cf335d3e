// What one worker process knows of its GitHub connections and keeps to itself: tokens of installations, answers that are too
// large to share, which API version a server speaks, how many requests are under way.
// Shapes: secrets stay here; nothing of it is ever put into shared records.
// Errors: a file that cannot be read or parsed is named. Threads: any.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "worker/github/connection.h"

namespace headrace::worker::github {

struct InstallationToken {
  std::string token{};
  Timestamp expires{};
};

struct KeptAnswer {
  std::string etag{};
  std::string body{};
  std::string link{};
};

class Hub {
 public:
  // The document is read again when the file has changed: rotating a token needs no restart.
  Result<Value> Document(const std::string& file);

  using Mint = std::function<Result<InstallationToken>()>;
  // A token that holds for five minutes more; one caller an installation mints, others wait for it.
  Result<std::string> TokenOf(const std::string& installation, Timestamp now, const Mint& mint);
  // It was refused: the next caller mints anew.
  void ForgetToken(const std::string& installation, const std::string& token);

  bool SpeaksOld(const std::string& origin) const;
  void NoteOld(const std::string& origin);

  std::optional<KeptAnswer> FindAnswer(const std::string& key);
  void KeepAnswer(const std::string& key, KeptAnswer answer);

  // A place among the requests under way, given back at its end; nothing when all are taken.
  std::shared_ptr<void> Enter(const std::string& connection, int most);

 private:
  struct Installation {
    std::mutex minting;
    InstallationToken token{};
  };

  mutable std::mutex mutex_;
  std::string file_{};
  std::int64_t file_changed_ = 0;
  Value document_{};
  std::map<std::string, std::shared_ptr<Installation>> installations_;
  std::map<std::string, bool> old_;
  std::map<std::string, int> under_way_;
  std::list<std::pair<std::string, KeptAnswer>> answers_;  // the newest first
  std::unordered_map<std::string, std::list<std::pair<std::string, KeptAnswer>>::iterator> by_key_;
  std::size_t answer_bytes_ = 0;
};

}  // namespace headrace::worker::github
