// Errors and results: what every fallible function returns.
// Shapes: Result<T> is tl::expected<T, Error>; Error carries a gRPC-numbered code, a message and places in a source text.
// Errors: expected failures of the environment or of input; a broken invariant is CHECK (check.h).
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace headrace {

// Numbered as gRPC's status codes.
enum class Code : std::uint8_t {
  kOk = 0, kCancelled = 1, kUnknown = 2, kInvalidArgument = 3, kDeadlineExceeded = 4, kNotFound = 5,
  kAlreadyExists = 6, kPermissionDenied = 7, kResourceExhausted = 8, kFailedPrecondition = 9, kAborted = 10,
  kOutOfRange = 11, kUnimplemented = 12, kInternal = 13, kUnavailable = 14, kDataLoss = 15, kUnauthenticated = 16,
};

// "INVALID_ARGUMENT" and so on.
std::string_view CodeName(Code code);

// One thing wrong at one place. `line` and `column` count from 1; 0 is unknown.
struct Violation {
  std::string field;    // path such as tasks[2].retry.interval; may be empty
  std::string message;  // what is wrong and what would be right
  int line = 0;
  int column = 0;
  std::string file{};   // as the caller named it; may be empty
  bool operator==(const Violation&) const = default;
};

// "file:line:column: message" with the parts that are known.
std::string ToString(const Violation& violation);

struct Error {
  Code code = Code::kUnknown;
  std::string message;
  std::vector<Violation> violations{};

  // Puts a layer's tip in front: "tip: message".
  Error&& Wrap(std::string_view tip) &&;
  // Message, then one line a violation.
  std::string ToString() const;
  bool operator==(const Error&) const = default;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message), {}});
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> InvalidArgument(std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message));
}
inline tl::unexpected<Error> NotFound(std::string message) { return Fail(Code::kNotFound, std::move(message)); }

}  // namespace headrace

#define HEADRACE_CONCAT_INNER(a, b) a##b
#define HEADRACE_CONCAT(a, b) HEADRACE_CONCAT_INNER(a, b)

// Returns the error of a Status or Result expression, if it holds one.
#define RETURN_IF_ERROR(expression)                                                     \
  do {                                                                                  \
    if (auto headrace_status = (expression); !headrace_status)                          \
      return ::tl::unexpected<::headrace::Error>(std::move(headrace_status.error()));   \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()): x gets the value, or the error is returned.
#define ASSIGN_OR_RETURN(target, expression)                                                        \
  auto HEADRACE_CONCAT(headrace_result_, __LINE__) = (expression);                                  \
  if (!HEADRACE_CONCAT(headrace_result_, __LINE__))                                                 \
    return ::tl::unexpected<::headrace::Error>(                                                     \
        std::move(HEADRACE_CONCAT(headrace_result_, __LINE__).error()));                            \
  target = std::move(*HEADRACE_CONCAT(headrace_result_, __LINE__))
