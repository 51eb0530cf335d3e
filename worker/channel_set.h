// The connections of one worker to all its schedulers: those that were named, and those that schedulers tell of.
// Shapes: a link's number is never used again; a connection that was named is never closed.
// Errors: as common/queue/queue.h; an address that cannot be opened is told once.
// Threads: one owner, but for Wake. Source: docs/protocol.md, "Several schedulers".
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/queue/queue.h"
#include "worker/session_port.h"

namespace headrace::worker {

class ChannelSet {
 public:
  using OpenQueue = std::function<Result<std::unique_ptr<queue::ClientQueue>>(const std::string& endpoint)>;
  struct Arrival {
    LinkId link;
    std::string bytes;
  };
  struct Change {
    LinkId link;
    bool connected;
  };

  // One scheduler, and no others.
  ChannelSet(std::unique_ptr<queue::ClientQueue> only);  // NOLINT(google-explicit-constructor): most workers have one
  // REQUIRES: at least one endpoint. One that is named twice counts once.
  static Result<ChannelSet> Open(const std::vector<std::string>& endpoints, OpenQueue open);

  std::vector<LinkId> links() const;
  // Appends up to `most` frames of each connection; waits for the first one, for Wake, for a connection that comes or goes.
  void Receive(std::vector<Arrival>& out, std::size_t most, Duration timeout);
  // Connections that came or went since the last call; one that went and came back is a new one.
  std::vector<Change> TakeChanges();
  Status Send(LinkId link, std::string bytes);
  void Wake() {
    woken_->store(true);
    first_->Wake();
  }

  // Addresses that a scheduler tells of; those that are new are connected to. The new links.
  std::vector<LinkId> Learn(const std::vector<std::string>& endpoints, Duration now);
  // Links that were not named, and that no scheduler has told of since `before`.
  std::vector<LinkId> NotToldSince(Duration before) const;
  void Close(LinkId link) { channels_.erase(link); }

 private:
  struct Channel {
    std::string endpoint;
    std::unique_ptr<queue::ClientQueue> queue;
    bool named = true;
    std::uint64_t changes = 0;  // of its connection, as told
    Duration told_at{};
  };
  ChannelSet() = default;
  LinkId Add(std::string endpoint, std::unique_ptr<queue::ClientQueue> queue, bool named, Duration now);
  void TakeFrames(std::vector<Arrival>& out, std::size_t most);
  bool HasChanged() const;
  void Wait(Duration timeout) const;
  Channel* Find(const std::string& endpoint);

  OpenQueue open_{};
  std::map<LinkId, Channel> channels_;
  queue::ClientQueue* first_ = nullptr;  // named: it stays
  // A look at all without waiting takes a wake out of the queue: this keeps it.
  std::unique_ptr<std::atomic<bool>> woken_ = std::make_unique<std::atomic<bool>>(false);
  LinkId next_ = 0;
  std::unordered_set<std::string> told_;  // addresses whose trouble was told
  std::vector<std::string> frames_;
};

}  // namespace headrace::worker
