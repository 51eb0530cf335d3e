#include "common/flow/catalog.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/text.h"

namespace headrace::flow {
namespace {

std::string_view LastPart(std::string_view type) { return type.substr(type.rfind('.') + 1); }

}  // namespace

void Catalog::Add(model::TaskTypeSpec spec) {
  const model::TaskTypeSpec& kept = specs_.emplace_back(std::move(spec));
  CHECK(by_name_.emplace(kept.type, &kept).second);
  for (const std::string& alias : kept.aliases) CHECK(by_name_.emplace(alias, &kept).second);
}

void Catalog::AddAll(std::vector<model::TaskTypeSpec> specs) {
  for (model::TaskTypeSpec& spec : specs) Add(std::move(spec));
}

const model::TaskTypeSpec* Catalog::Find(std::string_view type_or_alias) const {
  const auto found = by_name_.find(std::string(type_or_alias));
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<std::string> Catalog::TypeNames() const {
  std::vector<std::string> names;
  names.reserve(specs_.size());
  for (const model::TaskTypeSpec& spec : specs_) names.push_back(spec.type);
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::string> Catalog::Suggest(std::string_view unknown) const {
  const std::vector<std::string> names = TypeNames();
  // "log.Log" or "Log" for io.kestra.plugin.core.log.Log: the longest common end of whole parts wins.
  std::optional<std::string> same_end;
  for (std::string_view end = unknown; !end.empty();) {
    const std::string dotted = '.' + std::string(end);
    for (const std::string& name : names) {
      if (!same_end && (name == end || name.ends_with(dotted))) same_end = name;
    }
    const std::size_t dot = end.find('.');
    if (same_end || dot == std::string_view::npos) break;
    end.remove_prefix(dot + 1);
  }
  if (same_end) return same_end;
  if (auto nearest = Nearest(unknown, names)) return nearest;
  std::vector<std::string> last_parts;
  for (const std::string& name : names) last_parts.emplace_back(LastPart(name));
  if (const auto part = Nearest(LastPart(unknown), last_parts)) {
    const auto at = std::find(last_parts.begin(), last_parts.end(), *part);
    return names[static_cast<std::size_t>(at - last_parts.begin())];
  }
  return std::nullopt;
}

}  // namespace headrace::flow
