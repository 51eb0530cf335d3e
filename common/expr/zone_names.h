// Names of time zones in English.
// Shapes: an IANA name goes in; zones of an offset alone have no names here.
// Threads: pure. Cost: looks through a table of about 600 zones.
#pragma once

#include <optional>
#include <string_view>

namespace headrace::expr {

struct ZoneNames {
  std::string_view standard;
  std::string_view daylight;  // empty: the zone has none
  std::string_view generic;
  std::string_view generic_short;
};

std::optional<ZoneNames> FindZoneNames(std::string_view zone);

}  // namespace headrace::expr
