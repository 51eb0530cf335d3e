// JSON values as protobuf, exactly: integers, doubles to the last bit, the order of keys.
// Errors: false for a value that cannot be (a key twice).
// Threads: pure. For the .cc files of this room only.
#pragma once

#include "common/model/value.h"
#include "headrace/store/v1/store.pb.h"

namespace headrace::wire {

void ValueToProto(const Value& value, store::v1::Value& out);
void ValueToProto(const Object& object, store::v1::Map& out);
[[nodiscard]] bool ValueFromProto(const store::v1::Value& proto, Value& out);
[[nodiscard]] bool ValueFromProto(const store::v1::Map& proto, Object& out);

}  // namespace headrace::wire
