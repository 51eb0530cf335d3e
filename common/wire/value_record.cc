#include "common/wire/value_record.h"

namespace headrace::wire {

void ValueToProto(const Value& value, store::v1::Value& out) {
  switch (value.kind()) {
    case json::kind::null: return;
    case json::kind::bool_: out.set_boolean(value.get_bool()); return;
    case json::kind::int64: out.set_integer(value.get_int64()); return;
    case json::kind::uint64: out.set_unsigned_integer(value.get_uint64()); return;
    case json::kind::double_: out.set_number(value.get_double()); return;
    case json::kind::string: out.set_text(value.get_string().data(), value.get_string().size()); return;
    case json::kind::array: {
      auto& items = *out.mutable_list()->mutable_items();
      items.Reserve(static_cast<int>(value.get_array().size()));
      for (const Value& item : value.get_array()) ValueToProto(item, *items.Add());
      return;
    }
    case json::kind::object: ValueToProto(value.get_object(), *out.mutable_map()); return;
  }
}

void ValueToProto(const Object& object, store::v1::Map& out) {
  out.mutable_entries()->Reserve(static_cast<int>(object.size()));
  for (const auto& [key, member] : object) {
    store::v1::Entry& entry = *out.add_entries();
    entry.set_key(key.data(), key.size());
    if (!member.is_null()) ValueToProto(member, *entry.mutable_value());
  }
}

bool ValueFromProto(const store::v1::Value& proto, Value& out) {
  switch (proto.kind_case()) {
    case store::v1::Value::KIND_NOT_SET: out = nullptr; return true;
    case store::v1::Value::kBoolean: out = proto.boolean(); return true;
    case store::v1::Value::kInteger: out = proto.integer(); return true;
    case store::v1::Value::kUnsignedInteger: out = proto.unsigned_integer(); return true;
    case store::v1::Value::kNumber: out = proto.number(); return true;
    case store::v1::Value::kText: out.emplace_string().assign(proto.text().data(), proto.text().size()); return true;
    case store::v1::Value::kList: {
      Array& items = out.emplace_array();
      items.reserve(static_cast<std::size_t>(proto.list().items_size()));
      for (const store::v1::Value& item : proto.list().items()) {
        if (!ValueFromProto(item, items.emplace_back(nullptr))) return false;
      }
      return true;
    }
    case store::v1::Value::kMap: return ValueFromProto(proto.map(), out.emplace_object());
  }
  return false;
}

bool ValueFromProto(const store::v1::Map& proto, Object& out) {
  out.clear();
  out.reserve(static_cast<std::size_t>(proto.entries_size()));
  for (const store::v1::Entry& entry : proto.entries()) {
    const auto [place, added] = out.emplace(json::string_view(entry.key().data(), entry.key().size()), nullptr);
    if (!added || !ValueFromProto(entry.value(), place->value())) return false;
  }
  return true;
}

}  // namespace headrace::wire
