// Inputs that are points or spans of time; bounds are told as java.time prints them.
#include "common/base/time.h"
#include "common/flow/input_types.h"

namespace headrace::flow {
namespace {

using model::InputSpec;

const Value* Extra(const InputSpec& spec, std::string_view name) { return spec.extra.if_contains(name); }

// The canonical text and a key that sorts by time.
struct Moment {
  std::string text;
  std::int64_t order = 0;
};

template <typename Parse>
Result<Value> ParseMoment(const InputSpec& spec, const Value& raw, Parse parse) {
  ASSIGN_OR_RETURN(const Moment moment, parse(ToText(raw)));
  if (const Value* after = Extra(spec, "after")) {
    const Result<Moment> bound = parse(ToText(*after));
    if (bound && moment.order < bound->order) return InvalidArgument("it must be after `" + bound->text + '`');
  }
  if (const Value* before = Extra(spec, "before")) {
    const Result<Moment> bound = parse(ToText(*before));
    if (bound && moment.order > bound->order) return InvalidArgument("it must be before `" + bound->text + '`');
  }
  return Value(moment.text);
}

// As java.time.Instant prints: no fraction, or three or six digits.
Result<Moment> Instant(const std::string& text) {
  ASSIGN_OR_RETURN(const Timestamp at, ParseInstant(text));
  std::string printed = FormatInstant(at);
  if (printed.ends_with(".000000Z")) {
    printed.replace(printed.size() - 8, 8, "Z");
  } else if (printed.ends_with("000Z")) {
    printed.replace(printed.size() - 4, 4, "Z");
  }
  return Moment{std::move(printed), ToMicros(at)};
}

Result<Moment> Date(const std::string& text) {
  const Result<Timestamp> at = text.size() == 10 ? ParseInstant(text + "T00:00:00Z") : InvalidArgument("");
  if (!at) return InvalidArgument('\'' + text + "' is not a date such as 2026-11-22");
  return Moment{text, ToMicros(*at)};
}

Result<Moment> TimeOfDay(const std::string& text) {
  const auto bad = [&] { return InvalidArgument('\'' + text + "' is not a time such as 10:30 or 10:30:15"); };
  const bool plain = text.find_first_not_of("0123456789:.") == std::string::npos;
  const Result<Timestamp> at = plain ? ParseInstant("1970-01-01T" + text + 'Z') : InvalidArgument("");
  if (!at || ToMicros(*at) >= 86'400'000'000) return bad();
  std::string printed = FormatInstant(*at).substr(11, 15);  // 10:30:15.000000
  if (printed.ends_with(".000000")) {
    printed.resize(8);
    if (printed.ends_with(":00")) printed.resize(5);
  } else if (printed.ends_with("000")) {
    printed.resize(12);
  }
  return Moment{std::move(printed), ToMicros(*at)};
}

}  // namespace

Result<Value> ParseDateTime(const InputSpec& spec, const Value& raw) { return ParseMoment(spec, raw, Instant); }
Result<Value> ParseDate(const InputSpec& spec, const Value& raw) { return ParseMoment(spec, raw, Date); }
Result<Value> ParseTime(const InputSpec& spec, const Value& raw) { return ParseMoment(spec, raw, TimeOfDay); }

Result<Value> ParseDurationInput(const InputSpec& spec, const Value& raw) {
  ASSIGN_OR_RETURN(const Duration duration, ParseDuration(ToText(raw)));
  if (const Value* min = Extra(spec, "min")) {
    const Result<Duration> bound = ParseDuration(ToText(*min));
    if (bound && duration < *bound) return InvalidArgument("It must be more than `" + FormatDuration(*bound) + '`');
  }
  if (const Value* max = Extra(spec, "max")) {
    const Result<Duration> bound = ParseDuration(ToText(*max));
    if (bound && duration > *bound) return InvalidArgument("It must be less than `" + FormatDuration(*bound) + '`');
  }
  return Value(FormatDuration(duration));
}

}  // namespace headrace::flow
