// Any bytes as a template: compiles or is refused with a place, renders within its budget, and writes nothing of its context that
// FindPrints does not know of.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/expr/prints.h"
#include "common/expr/template.h"

namespace {

constexpr std::string_view kMark = ";mark;";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // jq has its own parser and interpreter and a deadline instead of a budget: not what is sought here.
  if (text.find("jq") != std::string_view::npos) return 0;
  static const Value context = *ParseJson(
      R"({"inputs":{"a":";mark;","l":[1,2,[";mark;"]],"m":{"k":null}},"outputs":{"t":{"v":1.5}},"taskrun":{"value":"v"}})");
  const auto compiled = expr::Template::Compile(text);
  if (!compiled) {
    if (compiled.error().violations.empty() || compiled.error().violations[0].line < 1) std::abort();
    return 0;
  }
  expr::BasicEnvironment environment(FromMicros(1'700'000'000'000'000), 1);
  const expr::Limits limits{.steps = 20'000, .output_bytes = 1U << 16U, .depth = 4};
  const auto rendered = (*compiled)->RenderText(context, environment, limits);
  if (rendered && rendered->size() > size + limits.output_bytes) std::abort();
  const auto prints = expr::FindPrints(text);
  if (!prints) std::abort();
  // What render() renders is not looked into.
  const bool looked = text.find("render") == std::string_view::npos;
  const bool writes = looked && rendered && rendered->find(kMark) != std::string::npos && text.find(kMark) == std::string_view::npos;
  if (writes && prints->empty()) std::abort();
  (void)(*compiled)->RenderTyped(context, environment, limits);
  return 0;
}
