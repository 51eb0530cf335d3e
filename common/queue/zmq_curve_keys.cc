#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/base/text.h"
#include "common/queue/curve_keys.h"

namespace headrace::queue {
namespace {

constexpr std::size_t kKeyLength = 40;
constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kNameBytesMax = 128;
constexpr std::chrono::seconds kLookEvery(1);

bool IsKey(std::string_view text) {
  std::array<std::uint8_t, 32> bytes{};
  return text.size() == kKeyLength && zmq_z85_decode(bytes.data(), std::string(text).c_str()) != nullptr;
}

Result<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFound(path + " cannot be read: " + std::strerror(errno));
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Fail(Code::kUnavailable, path + " cannot be read: " + std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileBytesMax) return InvalidArgument(path + " is larger than a file of keys may be (1 MiB)");
  return text;
}

std::pair<std::string, std::string> SplitAtBlank(const std::string& line) {
  const std::size_t blank = line.find_first_of(" \t");
  if (blank == std::string::npos) return {line, ""};
  return {line.substr(0, blank), std::string(Trim(std::string_view(line).substr(blank)))};
}

std::string StampOf(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return "none";
  return std::to_string(found.st_ino) + '/' + std::to_string(found.st_size) + '/' + std::to_string(found.st_mtim.tv_sec) + '.' +
         std::to_string(found.st_mtim.tv_nsec);
}

// The '#' of a key begins no comment: Z85 has it among its characters.
Result<std::map<std::string, std::string>> KeysIn(const std::string& path, const std::string& text) {
  std::map<std::string, std::string> keys;
  std::istringstream in(text);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const auto [word, key] = SplitAtBlank(std::string(Trim(line)));
    if (word.empty() || word.front() == '#') continue;
    if ((word != "public" && word != "secret") || !IsKey(key)) {
      return InvalidArgument(path + ":" + std::to_string(number) + ": neither \"public KEY\" nor \"secret KEY\": headrace keys new makes such a file");
    }
    keys[word] = key;
  }
  return keys;
}

}  // namespace

Result<KeyPair> MakeKeyPair() {
  std::array<char, kKeyLength + 1> public_key{};
  std::array<char, kKeyLength + 1> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return Fail(Code::kInternal, std::string("this ZeroMQ makes no CURVE keys: ") + zmq_strerror(zmq_errno()));
  }
  return KeyPair{public_key.data(), secret_key.data()};
}

Result<KeyPair> ReadKeyFile(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) == 0 && (found.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
    return Fail(Code::kPermissionDenied, path + " holds a secret key, and others may read or change it: chmod 600 " + path);
  }
  ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  ASSIGN_OR_RETURN(const auto keys, KeysIn(path, text));
  const auto secret = keys.find("secret");
  if (secret == keys.end()) return InvalidArgument(path + " holds no secret key: headrace keys new makes such a file");
  std::array<char, kKeyLength + 1> public_key{};
  if (zmq_curve_public(public_key.data(), secret->second.c_str()) != 0) return InvalidArgument(path + ": the secret key is none");
  const auto told = keys.find("public");
  if (told != keys.end() && told->second != public_key.data()) {
    return InvalidArgument(path + ": the public key does not belong to the secret one: make a new pair with headrace keys new");
  }
  return KeyPair{public_key.data(), secret->second};
}

Status WriteKeyFile(const std::string& path, const KeyPair& pair) {
  const std::string text = "# A key of headrace's worker queue. Keep it secret; \"headrace keys show\" prints the public part.\npublic " +
                           pair.public_key + "\nsecret " + pair.secret_key + "\n";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 && errno == EEXIST) return Fail(Code::kAlreadyExists, path + " is there already: a key is not overwritten; choose another name");
  if (file < 0) return Fail(Code::kUnavailable, path + " cannot be made: " + std::strerror(errno));
  const bool whole = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
  const int error = errno;
  close(file);
  if (whole) return {};
  unlink(path.c_str());
  return Fail(Code::kUnavailable, path + " cannot be written: " + std::strerror(error));
}

Result<std::string> ReadPublicKey(const std::string& key_or_path) {
  if (IsKey(key_or_path)) return key_or_path;
  auto text = ReadText(key_or_path);
  if (!text) return InvalidArgument("'" + key_or_path + "' is neither a public key of 40 characters nor a file that can be read");
  ASSIGN_OR_RETURN(const auto keys, KeysIn(key_or_path, *text));
  const auto found = keys.find("public");
  if (found == keys.end()) return InvalidArgument(key_or_path + " holds no \"public KEY\" line");
  return found->second;
}

Result<std::shared_ptr<AuthorizedKeys>> AuthorizedKeys::Open(const std::string& path) {
  std::shared_ptr<AuthorizedKeys> keys(new AuthorizedKeys(path));
  RETURN_IF_ERROR(keys->Refresh());
  return keys;
}

Result<AuthorizedKeys::Names> AuthorizedKeys::Parse(const std::string& path, const std::string& text) {
  Names names;
  std::istringstream in(text);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const auto [key, name] = SplitAtBlank(std::string(Trim(line)));
    if (key.empty() || (key.front() == '#' && !IsKey(key))) continue;
    const std::string where = path + ":" + std::to_string(number) + ": ";
    if (!IsKey(key)) return InvalidArgument(where + "a line is \"KEY NAME\" with a public key of 40 characters, as headrace keys show prints it");
    const bool clean = std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x21 || c == 0x7f; });
    if (name.empty() || name.size() > kNameBytesMax || !clean) return InvalidArgument(where + "after the key comes the worker's name, one word");
    if (!names.emplace(key, name).second) return InvalidArgument(where + "this key is there twice");
  }
  return names;
}

Status AuthorizedKeys::Refresh() {
  // The stamp first: what changes while it is read is read again.
  std::string stamp = StampOf(path_);
  if (stamp == stamp_) return {};
  ASSIGN_OR_RETURN(const std::string text, ReadText(path_));
  // What could not be read is tried again; what was read and is wrong stays so until it changes.
  stamp_ = std::move(stamp);
  ASSIGN_OR_RETURN(names_, Parse(path_, text));
  return {};
}

std::optional<std::string> AuthorizedKeys::NameOf(std::string_view public_key) {
  const std::scoped_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ >= kLookEvery) {
    looked_ = now;
    const Status fresh = Refresh();
    if (!fresh) spdlog::error("authorized keys stay as they were: {}", fresh.error().message);
  }
  const auto found = names_.find(public_key);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

}  // namespace headrace::queue
