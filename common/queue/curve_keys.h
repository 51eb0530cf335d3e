// Keys of the worker queue: who a scheduler and a worker are, and whom a scheduler lets in.
// Shapes: keys are 40 characters of Z85. A key file holds "public KEY" and "secret KEY"; a file of authorized keys holds lines
//   of "KEY NAME", '#' begins a comment.
// Errors: INVALID_ARGUMENT names file, line and remedy; a key file that everybody may read is PERMISSION_DENIED.
// Threads: values; AuthorizedKeys from any. Source: FAILURES rows 76 and 77.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/time.h"

namespace headrace::queue {

struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

Result<KeyPair> MakeKeyPair();
Result<KeyPair> ReadKeyFile(const std::string& path);
// Makes a file that only its owner may read. ALREADY_EXISTS when there is one: a key is not overwritten.
Status WriteKeyFile(const std::string& path, const KeyPair& pair);
// A public key as people give it: itself, or the name of a file with a "public KEY" line.
Result<std::string> ReadPublicKey(const std::string& key_or_path);

// The file of authorized keys, read again within a second of a change: a key that is taken out is let in no more. While
// the changed file is wrong the keys of before count, and the log says what is wrong.
class AuthorizedKeys {
 public:
  static Result<std::shared_ptr<AuthorizedKeys>> Open(const std::string& path);

  // The name beside the key; nothing when it is not let in.
  std::optional<std::string> NameOf(std::string_view public_key);

 private:
  using Names = std::map<std::string, std::string, std::less<>>;
  explicit AuthorizedKeys(std::string path) : path_(std::move(path)) {}
  static Result<Names> Parse(const std::string& path, const std::string& text);
  Status Refresh();

  const std::string path_;
  std::mutex mutex_;
  Names names_{};
  std::string stamp_{};  // of the file that was read last
  std::chrono::steady_clock::time_point looked_{};
};

// What a BindZmq needs to let known workers in, and what a ConnectZmq needs to be let in.
struct ServerKeys {
  KeyPair own;
  std::shared_ptr<AuthorizedKeys> workers;
};
struct ClientKeys {
  KeyPair own;
  std::string server;  // its public key
};

}  // namespace headrace::queue
