#include "common/wire/record_parts.h"
#include "common/wire/records.h"

namespace headrace::wire {

namespace pb = store::v1;

std::string EncodeShared(const SharedNote& note) {
  Scratch scratch;
  auto& proto = scratch.New<pb::SharedNote>();
  proto.set_version(note.version);
  proto.set_expires_us(ToMicros(note.expires));
  proto.set_value(note.value);
  return Seal(proto);
}

Result<SharedNote> DecodeShared(std::string_view record) {
  return DecodeRecord<pb::SharedNote, SharedNote>(record, "shared note", [](pb::SharedNote& proto, SharedNote& out) {
    out = {proto.version(), FromMicros(proto.expires_us()), std::move(*proto.mutable_value())};
    return out.version > 0;
  });
}

}  // namespace headrace::wire
