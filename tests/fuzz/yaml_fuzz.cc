// Any bytes through the YAML reader: no crash, and what it accepts survives being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "common/flow/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto value = headrace::flow::ParseYamlValue(text, "fuzz.yaml");
  if (!value) {
    if (value.error().message.empty()) std::abort();
    return 0;
  }
  const auto again = headrace::flow::ParseYamlValue(headrace::flow::ToYaml(*value), "again.yaml");
  if (!again || headrace::ToJson(*again) != headrace::ToJson(*value)) std::abort();
  return 0;
}
