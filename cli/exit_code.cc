#include "cli/exit_code.h"

namespace headrace::cli {

int ExitCodeOf(const Error& error) {
  switch (error.code) {
    case Code::kOk: return kExitOk;
    case Code::kInvalidArgument:
    case Code::kOutOfRange: return kExitInvalid;
    case Code::kPermissionDenied:
    case Code::kUnauthenticated: return kExitNotAllowed;
    case Code::kNotFound: return kExitNotFound;
    case Code::kAlreadyExists:
    case Code::kAborted:
    case Code::kFailedPrecondition: return kExitConflict;
    case Code::kDeadlineExceeded:
    case Code::kUnavailable: return kExitUnreachable;
    case Code::kCancelled: return kExitInterrupted;
    default: return kExitError;
  }
}

int LocalExitCodeOf(const Error& error) {
  const int code = ExitCodeOf(error);
  return code == kExitUnreachable ? static_cast<int>(kExitError) : code;
}

int ExitCodeOf(model::State state) {
  switch (state) {
    case model::State::kFailed: return kExitFailed;
    case model::State::kKilled:
    case model::State::kCancelled: return kExitKilled;
    case model::State::kPaused: return kExitPaused;
    default: return kExitOk;
  }
}

}  // namespace headrace::cli
