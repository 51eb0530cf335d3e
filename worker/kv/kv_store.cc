#include "worker/kv/kv_store.h"

#include <algorithm>
#include <cctype>

#include "worker/files/places.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kEntryBytesMax = 16 * 1024 * 1024;

Result<std::string> PlaceOfKey(std::string_view ns, std::string_view key) {
  RETURN_IF_ERROR(CheckNamespace(ns));
  const auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const bool fine = !key.empty() && key.size() <= 200 && alphanumeric(key.front()) &&
                    std::all_of(key.begin(), key.end(),
                                [&](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
  if (!fine)
    return InvalidArgument("'" + std::string(key.substr(0, 200)) +
                           "': Key must start with an alphanumeric character (uppercase or lowercase) and can contain "
                           "alphanumeric characters (uppercase or lowercase), dots (.), underscores (_), and hyphens (-) only.");
  return KeysFolder(ns) + "/" + std::string(key);
}

}  // namespace

Result<std::optional<KvStore::Entry>> KvStore::Read(const std::string& place) const {
  auto file = storage_.Open(place);
  if (!file && file.error().code == Code::kNotFound) return std::optional<Entry>();
  if (!file) return Fail(std::move(file.error()));
  ASSIGN_OR_RETURN(const std::string text, ReadText(file->get(), kEntryBytesMax, place));
  const auto parsed = ParseJson(text);
  if (!parsed || !parsed->is_object()) return Fail(Code::kDataLoss, "the file of the key '" + place + "' is broken");
  Entry entry;
  if (const Value* type = Member(*parsed, "type")) entry.type = ToText(*type);
  if (const Value* value = Member(*parsed, "value")) entry.value = *value;
  if (const Value* description = Member(*parsed, "description")) entry.description = ToText(*description);
  if (const Value* expires = Member(*parsed, "expires"); expires != nullptr && expires->is_int64())
    entry.expires = FromMicros(expires->get_int64());
  return std::optional<Entry>(std::move(entry));
}

Result<std::optional<KvStore::Entry>> KvStore::Get(std::string_view ns, std::string_view key) const {
  ASSIGN_OR_RETURN(const std::string place, PlaceOfKey(ns, key));
  ASSIGN_OR_RETURN(auto entry, Read(place));
  if (entry && IsOver(*entry)) return Fail(Code::kFailedPrecondition, "The requested value has expired");
  return entry;
}

Result<std::optional<KvStore::Entry>> KvStore::Peek(std::string_view ns, std::string_view key) const {
  ASSIGN_OR_RETURN(const std::string place, PlaceOfKey(ns, key));
  ASSIGN_OR_RETURN(auto entry, Read(place));
  if (entry && IsOver(*entry)) entry.reset();
  return entry;
}

Result<std::optional<KvStore::Entry>> KvStore::Find(std::string_view ns, std::string_view key) const {
  for (std::optional<std::string> at = std::string(ns); at; at = ParentNamespace(*at)) {
    ASSIGN_OR_RETURN(auto entry, Get(*at, key));
    if (entry) return entry;
  }
  return std::optional<Entry>();
}

Status KvStore::Put(std::string_view ns, std::string_view key, Entry entry, bool overwrite) const {
  ASSIGN_OR_RETURN(const std::string place, PlaceOfKey(ns, key));
  ASSIGN_OR_RETURN(const auto lock, Lock(ns));
  if (!overwrite) {
    ASSIGN_OR_RETURN(const auto before, Read(place));
    if (before && !IsOver(*before))
      return Fail(Code::kAlreadyExists, "Cannot set value for key '" + std::string(key) +
                                            "'. Key already exists and `overwrite` is set to `false`.");
  }
  return Write(ns, key, entry);
}

Status KvStore::Write(std::string_view ns, std::string_view key, const Entry& entry) const {
  ASSIGN_OR_RETURN(const std::string place, PlaceOfKey(ns, key));
  Object file{{"type", entry.type}, {"value", entry.value}, {"updated", ToMicros(clock_.Now())}};
  if (!entry.description.empty()) file["description"] = entry.description;
  if (entry.expires) file["expires"] = ToMicros(*entry.expires);
  return storage_.Write(place, ToJson(Value(std::move(file))));
}

Result<bool> KvStore::Delete(std::string_view ns, std::string_view key) const {
  ASSIGN_OR_RETURN(const std::string place, PlaceOfKey(ns, key));
  ASSIGN_OR_RETURN(const auto lock, Lock(ns));
  return storage_.Delete(place);
}

Result<std::vector<std::string>> KvStore::Keys(std::string_view ns, std::string_view prefix) const {
  RETURN_IF_ERROR(CheckNamespace(ns));
  const std::string folder = KeysFolder(ns);
  ASSIGN_OR_RETURN(const auto files, storage_.List(folder));
  std::vector<std::string> keys;
  for (const StoredFile& file : files) {
    const std::string key = file.place.substr(folder.size() + 1);
    if (key.find('/') != std::string::npos || !key.starts_with(prefix)) continue;
    ASSIGN_OR_RETURN(const bool expired, Expired(file.place));
    if (!expired) keys.push_back(key);
  }
  return keys;
}

Result<bool> KvStore::Expired(const std::string& place) const {
  ASSIGN_OR_RETURN(const auto entry, Read(place));
  return !entry || IsOver(*entry);
}

Result<std::unique_ptr<Storage::Lock>> KvStore::Lock(std::string_view ns) const {
  RETURN_IF_ERROR(CheckNamespace(ns));
  return storage_.Guard(KeysFolder(ns));
}

}  // namespace headrace::worker
