// Inputs of a flow as YAML, a line of dashes, and the values given for them: all are resolved or each wrong one is
// named. A value that is accepted has a canonical form, which is accepted too and stays as it is.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/expr/environment.h"
#include "common/flow/builder.h"
#include "common/flow/inputs.h"

namespace {

using headrace::Value;
namespace flow = headrace::flow;
namespace model = headrace::model;

const flow::Catalog& Types() {
  static const flow::Catalog kCatalog = [] {
    flow::Catalog catalog;
    catalog.Add({.type = "t"});
    return catalog;
  }();
  return kCatalog;
}

// What is read out of a text need not read the same again.
bool HasCanonicalForm(const model::InputSpec& spec) {
  return spec.type != "JSON" && spec.type != "YAML" && spec.type != "ARRAY" && spec.type != "MULTISELECT";
}

void CheckCanonical(const model::InputSpec& spec, const Value& given, const flow::InputSeams& seams) {
  const auto once = flow::ParseInput(spec, given, seams);
  if (!once) {
    if (once.error().message.empty()) std::abort();
    return;
  }
  if (!HasCanonicalForm(spec)) return;
  const auto twice = flow::ParseInput(spec, *once, seams);
  if (!twice || headrace::ToJson(*twice) != headrace::ToJson(*once)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const std::size_t line = text.find("\n---\n");
  if (line == std::string_view::npos) return 0;
  const auto given = flow::ParseYamlValue(text.substr(line + 5), "given");
  if (!given || !given->is_object()) return 0;
  const std::string source =
      "id: f\nnamespace: n\ntasks: [{id: t, type: t}]\ninputs:\n" + std::string(text.substr(0, line)) + '\n';
  const auto built = flow::BuildFlow(source, "fuzz.yaml", Types());
  if (!built) return 0;
  const flow::InputSeams seams{
      .encrypt = [](std::string_view plain) -> headrace::Result<std::string> { return "x" + std::string(plain); }};
  for (const model::InputSpec& spec : built->flow->inputs) {
    if (const Value* one = given->get_object().if_contains(spec.id)) CheckCanonical(spec, *one, seams);
  }
  headrace::expr::BasicEnvironment environment(headrace::FromMicros(0), 1);
  const auto resolved = flow::ResolveInputs(*built->flow, given->get_object(), environment, {}, seams);
  if (!resolved && resolved.error().violations.empty()) std::abort();
  return 0;
}
