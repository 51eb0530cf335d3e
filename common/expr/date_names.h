// Names of months and days in languages other than English.
// Shapes: January and Monday are 0; AM and PM too.
// Threads: constant. Source: Unicode CLDR as JDK 25 has it.
#pragma once

#include <array>
#include <string_view>

namespace headrace::expr {

struct DateNames {
  std::string_view language;
  std::array<std::string_view, 12> months;
  std::array<std::string_view, 12> short_months;
  std::array<std::string_view, 7> days;
  std::array<std::string_view, 7> short_days;
  std::array<std::string_view, 2> halves;
};

// Of a tag such as fr or fr-FR; nullptr where there are none. Other regions of a language may have names of their own.
const DateNames* FindDateNames(std::string_view tag);

}  // namespace headrace::expr
