#include <array>

#include "common/model/command.h"
#include "common/model/event.h"

namespace headrace::model {

std::string_view EventName(const EventBody& body) {
  static constexpr std::array<std::string_view, std::variant_size_v<EventBody>> kNames = {
      "Submitted", "TaskStarted", "TaskFinished", "TaskLost", "TimerFired", "ChildStarted", "ChildRejected",
      "ChildEnded", "ChildRestarted", "KillRequested", "RestartRequested", "Unqueued", "PauseRequested",
      "ResumeRequested", "TaskRunMarked", "StatusChanged", "LabelsSet", "Replayed", "TaskWaited", "TaskWoken"};
  return kNames.at(body.index());
}

std::string_view CommandName(const Command& command) {
  static constexpr std::array<std::string_view, std::variant_size_v<Command>> kNames = {
      "DispatchTask", "CancelTask", "SetTimer", "ClearTimer", "StartChild", "KillChild", "RestartChild",
      "EndExecution", "ReviveParent", "EmitLog", "StartReplacement"};
  return kNames.at(command.index());
}

}  // namespace headrace::model
