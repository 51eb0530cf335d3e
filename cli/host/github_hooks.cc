#include "cli/host/github_hooks.h"

#include "cli/host/local_door.h"
#include "worker/github/deliver.h"

namespace headrace::cli {
namespace {

class GithubHooks final : public api::http::GithubHookDoor {
 public:
  explicit GithubHooks(scheduler::Engine& engine) : engine_(MakeLocalDoor(engine)) {}

  void Deliver(api::http::GithubDelivery delivery, std::function<void(Status)> done) override {
    done(worker::github::Deliver(*engine_, delivery.connection, delivery.event, delivery.body));
  }

 private:
  const std::unique_ptr<worker::EngineDoor> engine_;
};

}  // namespace

std::unique_ptr<api::http::GithubHookDoor> MakeGithubHookDoor(scheduler::Engine& engine) {
  return std::make_unique<GithubHooks>(engine);
}

}  // namespace headrace::cli
