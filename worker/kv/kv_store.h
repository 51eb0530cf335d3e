// Keys of namespaces with a type, a value and perhaps an end: one small file a key.
// Shapes: kestra:///<namespace>/_kv/<key> holds {"type","value","description","created","updated","expires"} as JSON.
// Units: times are UTC microseconds. Errors: a bad key is INVALID_ARGUMENT with Kestra's rule; an expired one is
//   FAILED_PRECONDITION "The requested value has expired".
// Threads: any; writers of one namespace are ordered, also between processes. Source: Kestra's KVStore.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/model/value.h"
#include "worker/files/storage.h"

namespace headrace::worker {

class KvStore {
 public:
  struct Entry {
    std::string type = "STRING";
    Value value{};
    std::string description{};
    std::optional<Timestamp> expires{};
  };

  KvStore(const Storage& storage, const Clock& clock) : storage_(storage), clock_(clock) {}

  Result<std::optional<Entry>> Get(std::string_view ns, std::string_view key) const;
  // In `ns`, else in its parents, the nearest first.
  Result<std::optional<Entry>> Find(std::string_view ns, std::string_view key) const;
  // Without `overwrite` a key that is there and has not expired is ALREADY_EXISTS.
  Status Put(std::string_view ns, std::string_view key, Entry entry, bool overwrite = true) const;
  Result<bool> Delete(std::string_view ns, std::string_view key) const;
  // Of keys that have not expired, sorted.
  Result<std::vector<std::string>> Keys(std::string_view ns, std::string_view prefix = {}) const;
  // Reads, changes and writes as one step; `change` gets nullptr when the key is not there.
  template <typename Change>
  Status Update(std::string_view ns, std::string_view key, const Change& change) const {
    ASSIGN_OR_RETURN(const auto lock, Lock(ns));
    ASSIGN_OR_RETURN(const auto before, Peek(ns, key));
    return Write(ns, key, change(before ? &*before : nullptr));
  }

  // Of a file below …/_kv/: whether it has expired.
  Result<bool> Expired(const std::string& place) const;

 private:
  Result<std::unique_ptr<Storage::Lock>> Lock(std::string_view ns) const;
  Result<std::optional<Entry>> Read(const std::string& place) const;
  // As Get, but an expired one is not there.
  Result<std::optional<Entry>> Peek(std::string_view ns, std::string_view key) const;
  Status Write(std::string_view ns, std::string_view key, const Entry& entry) const;
  bool IsOver(const Entry& entry) const { return entry.expires && *entry.expires <= clock_.Now(); }

  const Storage& storage_;
  const Clock& clock_;
};

}  // namespace headrace::worker
