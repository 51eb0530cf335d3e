// The small records that tasks share: compared, changed and forgotten together, one request after another.
// Place: Core stages what Apply changes as notes of the open batch, and answers when they are durable.
// Shapes: a version rises with every change of its key and is never given again, not even after the key was forgotten: the
//   versions of all keys are drawn from one row.
// Errors: INVALID_ARGUMENT for what can never be kept; RESOURCE_EXHAUSTED when all records together are too large.
// Threads: loop thread only. Cost: O(log n) a key.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/model/shared.h"
#include "common/store/store.h"

namespace headrace::scheduler {

class SharedBook {
 public:
  // Writes a record under its key, or drops it (nothing), with the open batch.
  using Stage = std::function<void(const std::string& key, std::optional<std::string> record)>;

  // Takes the notes that are its own; damaged ones are left out, and said.
  void Load(const std::vector<store::NoteRow>& notes);
  // All puts or none; `stage` is called for what changed.
  Result<model::ShareReply> Apply(const model::ShareRequest& request, Timestamp now, const Stage& stage);
  // Forgets at most `most` records whose time is over.
  void Sweep(Timestamp now, std::size_t most, const Stage& stage);
  std::optional<Timestamp> NextExpiry() const;

  std::size_t size() const { return records_.size(); }

 private:
  struct Record {
    std::uint64_t version = 0;
    Timestamp expires{};
    std::string value;
  };
  using Records = std::map<std::string, Record>;

  Status Check(const model::ShareRequest& request) const;
  model::SharedRecord Read(const std::string& key, Timestamp now) const;
  void Put(const model::SharedPut& put, Timestamp now, const Stage& stage);
  void Forget(Records::iterator at, const Stage& stage);

  Records records_;
  std::set<std::pair<Timestamp, std::string>> expiries_;
  std::size_t bytes_ = 0;
  std::uint64_t last_version_ = 0;
};

}  // namespace headrace::scheduler
