#include "api/peer_reply.h"

#include <utility>

namespace headrace::api {
namespace {

wire::v1::PeerReply OfError(Error error) {
  wire::v1::PeerReply reply;
  wire::v1::PeerError& to = *reply.mutable_error();
  to.set_code(static_cast<std::uint32_t>(error.code == Code::kOk ? Code::kUnknown : error.code));
  to.set_message(std::move(error.message));
  for (Violation& violation : error.violations) {
    wire::v1::PeerViolation& out = *to.add_violations();
    out.set_field(std::move(violation.field));
    out.set_message(std::move(violation.message));
    out.set_line(violation.line);
    out.set_column(violation.column);
    out.set_file(std::move(violation.file));
  }
  return reply;
}

Error FromProto(wire::v1::PeerError from) {
  const bool known = from.code() > 0 && from.code() <= static_cast<std::uint32_t>(Code::kUnauthenticated);
  Error error{known ? static_cast<Code>(from.code()) : Code::kUnknown, std::move(*from.mutable_message()), {}};
  for (wire::v1::PeerViolation& violation : *from.mutable_violations()) {
    error.violations.push_back({std::move(*violation.mutable_field()), std::move(*violation.mutable_message()), violation.line(),
                                violation.column(), std::move(*violation.mutable_file())});
  }
  return error;
}

}  // namespace

wire::v1::PeerReply ToReply(Result<std::string> result) {
  wire::v1::PeerReply reply;
  if (result) reply.set_body(std::move(*result));
  else reply = OfError(std::move(result.error()));
  const std::size_t bytes = reply.ByteSizeLong();
  if (bytes <= kPeerBytesMax) return reply;
  return OfError({Code::kResourceExhausted,
                  "the answer of the scheduler that drives the partition has " + std::to_string(bytes) + " bytes; at most " +
                      std::to_string(kPeerBytesMax) + " can be handed on",
                  {}});
}

Result<std::string> FromReply(wire::v1::PeerReply reply) {
  if (reply.has_body()) return std::move(*reply.mutable_body());
  if (reply.has_error()) return Fail(FromProto(std::move(*reply.mutable_error())));
  return Fail(Code::kInternal, "the answer of another scheduler is empty: it is of another version");
}

}  // namespace headrace::api
