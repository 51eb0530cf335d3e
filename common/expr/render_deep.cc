#include <list>
#include <mutex>
#include <unordered_map>

#include "common/expr/budget.h"
#include "common/expr/references.h"
#include "common/expr/render.h"
#include "common/expr/template.h"

namespace headrace::expr {
namespace {

constexpr std::size_t kCacheEntriesMax = 4096;
constexpr std::size_t kCacheBytesMax = 32U << 20U;

using TemplatePtr = std::shared_ptr<const Template>;

// Least recently used goes first. Compiles outside its lock.
class TemplateCache {
 public:
  TemplatePtr Find(std::string_view text) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(text);
    if (found == index_.end()) return nullptr;
    recent_.splice(recent_.begin(), recent_, found->second);
    return *found->second;
  }

  void Insert(const TemplatePtr& compiled) {
    const std::lock_guard lock(mutex_);
    if (compiled->source().size() > kCacheBytesMax / 8 || index_.contains(compiled->source())) return;
    recent_.push_front(compiled);
    index_.emplace(compiled->source(), recent_.begin());
    bytes_ += compiled->source().size();
    while (recent_.size() > kCacheEntriesMax || bytes_ > kCacheBytesMax) {
      bytes_ -= recent_.back()->source().size();
      index_.erase(recent_.back()->source());
      recent_.pop_back();
    }
  }

 private:
  std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::list<TemplatePtr> recent_;
  std::unordered_map<std::string_view, std::list<TemplatePtr>::iterator> index_;  // keys live in the templates
};

TemplateCache& Cache() {
  static TemplateCache cache;
  return cache;
}

Result<Value> RenderOne(std::string_view text, const DeepRender& how) {
  ASSIGN_OR_RETURN(const TemplatePtr compiled, CompileCached(text));
  if (how.typed) return compiled->RenderTyped(how.context, how.environment, how.budget);
  ASSIGN_OR_RETURN(std::string rendered, compiled->RenderText(how.context, how.environment, how.budget));
  return Value(std::move(rendered));
}

void CollectDeep(const Value& value, References& found);

void CollectText(std::string_view text, References& found) {
  if (text.find('{') == std::string_view::npos) return;
  if (const auto compiled = CompileCached(text)) Merge(found, (*compiled)->references());
}

void CollectDeep(const Value& value, References& found) {
  if (const json::string* text = value.if_string()) {
    CollectText(*text, found);
  } else if (const Array* list = value.if_array()) {
    for (const Value& item : *list) CollectDeep(item, found);
  } else if (const Object* map = value.if_object()) {
    for (const auto& [key, item] : *map) {
      CollectText(key, found);
      CollectDeep(item, found);
    }
  }
}

}  // namespace

Result<TemplatePtr> CompileCached(std::string_view text) {
  if (TemplatePtr cached = Cache().Find(text)) return cached;
  ASSIGN_OR_RETURN(TemplatePtr compiled, Template::Compile(text));
  Cache().Insert(compiled);
  return compiled;
}

Result<Value> RenderDeep(const Value& value, const DeepRender& how) {
  if (const json::string* text = value.if_string()) {
    if (std::string_view(*text).find('{') == std::string_view::npos) return value;
    return RenderOne(*text, how);
  }
  if (const Array* list = value.if_array()) {
    Array rendered;
    rendered.reserve(list->size());
    for (const Value& item : *list) {
      ASSIGN_OR_RETURN(Value one, RenderDeep(item, how));
      rendered.push_back(std::move(one));
    }
    return Value(std::move(rendered));
  }
  const Object* map = value.if_object();
  if (map == nullptr) return value;
  Object rendered;
  rendered.reserve(map->size());
  for (const auto& [key, item] : *map) {
    ASSIGN_OR_RETURN(const Value name, RenderDeep(Value(key), {how.context, how.environment, how.budget, false}));
    ASSIGN_OR_RETURN(Value one, RenderDeep(item, how));
    rendered[name.get_string()] = std::move(one);
  }
  return Value(std::move(rendered));
}

Result<Value> RenderDeep(const Value& value, const Value& context, Environment& environment, bool typed,
                         const Limits& limits) {
  Budget budget(limits);
  return RenderDeep(value, {context, environment, budget, typed});
}

References ReferencesDeep(const Value& value) {
  References found;
  CollectDeep(value, found);
  return found;
}

}  // namespace headrace::expr
