#include <algorithm>
#include <cmath>

#include "common/expr/evaluator.h"
#include "common/expr/operators.h"
#include "common/expr/token.h"

namespace headrace::expr {
namespace {

constexpr std::size_t kExcerptMax = 300;

Object LoopVariables(std::size_t index, std::size_t length) {
  return Object({{"index", static_cast<std::int64_t>(index)},
                 {"length", static_cast<std::int64_t>(length)},
                 {"first", index == 0},
                 {"last", index + 1 == length},
                 {"revindex", static_cast<std::int64_t>(length - index - 1)}});
}

// A map is walked by entries.
Array Entries(const Object& map) {
  Array entries;
  entries.reserve(map.size());
  for (const auto& [key, value] : map) entries.push_back(Object({{"key", key}, {"value", value}}));
  return entries;
}

// Infinity and NaN have no place in JSON, and so none in what is stored or sent: they become the texts that they print as.
Value Storable(Value value) {
  if (const double* number = value.if_double(); number != nullptr && !std::isfinite(*number)) return Value(ToText(value));
  if (Array* list = value.if_array()) {
    for (Value& item : *list) item = Storable(std::move(item));
  } else if (Object* map = value.if_object()) {
    for (auto& entry : *map) entry.value() = Storable(std::move(entry.value()));
  }
  return value;
}

// An entry of a map is a=1, several are JSON.
Status AppendPrinted(std::string& out, const Value& value, JavaType type, Budget& budget) {
  if (type != JavaType::kEntry && type != JavaType::kEntries) return AppendText(out, value, budget);
  RETURN_IF_ERROR(budget.SpendCopy(value));
  const Value printed = type == JavaType::kEntry ? Value(JavaText(value, type)) : Settled(value, type);
  return AppendText(out, printed, budget);
}

}  // namespace

Status TextSink::Text(std::string_view text) {
  RETURN_IF_ERROR(budget_.SpendAppend(out_.size(), text.size()));
  out_ += text;
  return {};
}

Status TextSink::Put(Operand operand) {
  if (const json::string* text = operand.value().if_string()) return Text(*text);
  if (inner_ && operand.type() == JavaType::kUnknown) return AppendJoined(out_, operand.value(), budget_);
  return AppendPrinted(out_, operand.value(), operand.type(), budget_);
}

Status TypedSink::Text(std::string_view text) {
  if (pieces_ == 0) return Put(Operand(Value(text)));
  if (pieces_++ == 1) RETURN_IF_ERROR(AppendPrinted(text_, single_, single_type_, budget_));
  return TextSink(text_, budget_).Text(text);
}

Status TypedSink::Put(Operand operand) {
  structured_ = structured_ || (operand.value().is_structured() && operand.type() != JavaType::kEntry);
  if (pieces_ == 0) {
    if (!operand.is_owned()) RETURN_IF_ERROR(budget_.SpendCopy(operand.value()));
    single_type_ = operand.type();
    single_ = std::move(operand).Take();
    ++pieces_;
    return {};
  }
  if (pieces_++ == 1) RETURN_IF_ERROR(AppendPrinted(text_, single_, single_type_, budget_));
  return AppendPrinted(text_, operand.value(), operand.type(), budget_);
}

Value TypedSink::Finish() {
  if (pieces_ <= 1) return Storable(Settled(std::move(single_), single_type_));
  if (structured_) {
    if (Result<Value> parsed = ParseJson(text_)) return std::move(*parsed);
  }
  return Value(std::move(text_));
}

Status Evaluator::Execute(const Body& body, Sink& sink) {
  for (const Statement& statement : body) RETURN_IF_ERROR(Execute(statement, sink));
  return {};
}

Status Evaluator::Execute(const Statement& statement, Sink& sink) {
  RETURN_IF_ERROR(budget_.Spend(1));
  RETURN_IF_ERROR(budget_.Enter());
  Status status = std::visit([&](const auto& node) { return Run(node, sink); }, statement.node);
  budget_.Leave();
  if (!status && status.error().violations.empty()) {
    return Fail(Explain(std::move(status.error()), statement.begin, statement.end));
  }
  return status;
}

std::string Evaluator::Excerpt(std::uint32_t begin, std::uint32_t end) const {
  std::string excerpt(program_.source.substr(begin, end - begin));
  if (excerpt.size() <= kExcerptMax) return excerpt;
  std::size_t cut = kExcerptMax;
  while (cut > 0 && (static_cast<unsigned char>(excerpt[cut]) & 0xC0U) == 0x80U) --cut;
  return excerpt.substr(0, cut) + "…";
}

// Gives an error the expression it happened in and its line; the violation marks it as explained.
Error Evaluator::Explain(Error error, std::uint32_t begin, std::uint32_t end) const {
  const std::uint32_t offset = undefined_ ? undefined_offset_ : begin;
  const Place place = PlaceOf(program_.source, offset);
  const std::string excerpt = Excerpt(begin, end);
  std::string message = undefined_ ? "Unable to find `" + error.message + "` used in the expression `" + excerpt +
                                         "` at line " + std::to_string(place.line)
                                   : error.message + " (" + excerpt + ":" + std::to_string(place.line) + ")";
  if (undefined_ && !undefined_hint_.empty()) message.append("; ").append(undefined_hint_);
  error.violations.push_back({.field = "", .message = message, .line = place.line, .column = place.column});
  error.message = std::move(message);
  return error;
}

Status Evaluator::Run(const TextStatement& node, Sink& sink) { return sink.Text(node.text); }

Status Evaluator::Run(const PrintStatement& node, Sink& sink) {
  ASSIGN_OR_RETURN(Operand operand, Evaluate(*node.expression));
  return sink.Put(std::move(operand));
}

Status Evaluator::Run(const SetStatement& node, Sink&) {
  ASSIGN_OR_RETURN(Operand operand, Evaluate(*node.expression));
  ASSIGN_OR_RETURN(operand, KeepOperand(std::move(operand)));
  scopes_.Set(node.name, std::move(operand));
  return {};
}

Status Evaluator::Run(const IfStatement& node, Sink& sink) {
  for (const IfBranch& branch : node.branches) {
    ASSIGN_OR_RETURN(const bool holds, EvaluateCondition(*branch.condition));
    if (holds) return Execute(branch.body, sink);
  }
  return Execute(node.otherwise, sink);
}

Status Evaluator::Run(const ForStatement& node, Sink& sink) {
  ASSIGN_OR_RETURN(Operand operand, Evaluate(*node.iterable));
  ASSIGN_OR_RETURN(const Operand iterable, KeepOperand(std::move(operand)));
  if (iterable.value().is_null()) return {};  // `else` is for lists that are there
  Array entries;
  const Array* list = iterable.value().if_array();
  const bool stable = iterable.is_stable() && list != nullptr;
  const bool walks_entries = list == nullptr || iterable.type() == JavaType::kEntries;
  const JavaType type = walks_entries ? JavaType::kEntry : JavaType::kUnknown;
  if (const Object* map = iterable.value().if_object()) {
    RETURN_IF_ERROR(budget_.SpendCopy(iterable.value()));
    entries = Entries(*map);
    list = &entries;
  }
  if (list == nullptr) {
    return InvalidArgument("`for` needs a list or a map, not a " + std::string(KindName(iterable.value())));
  }
  if (list->empty()) return Execute(node.otherwise, sink);
  scopes_.Push(Scopes::Wall::kNone);
  Status status;
  for (std::size_t i = 0; i < list->size() && status; ++i) {
    if (node.uses_loop) scopes_.Define("loop", Operand(Value(LoopVariables(i, list->size()))));
    scopes_.Define(node.variable, Operand::Reference((*list)[i], stable, type));
    status = budget_.Spend(1);
    if (status) status = Execute(node.body, sink);
  }
  scopes_.Pop();
  return status;
}

Status Evaluator::Run(const BlockStatement& node, Sink& sink) {
  return Execute(program_.blocks.find(node.name)->second, sink);
}

Status Evaluator::Run(const FilterStatement& node, Sink& sink) {
  std::string text;
  TextSink inner(text, budget_, true);
  RETURN_IF_ERROR(Execute(node.body, inner));
  Operand operand{Value(std::move(text))};
  for (const FilterStep& step : node.steps) {
    ASSIGN_OR_RETURN(Operand next, Invoke(*step.filter, operand, step.arguments));
    operand = std::move(next);
  }
  return sink.Put(std::move(operand));
}

// The block runs in the middle of an expression that may hold references to variables: it must not change them.
Result<std::string> Evaluator::RenderBlock(std::string_view name) {
  const auto block = program_.blocks.find(name);
  if (block == program_.blocks.end()) return std::string();
  std::string text;
  TextSink sink(text, budget_, true);
  scopes_.Push(Scopes::Wall::kWrites);
  const Status status = Execute(block->second, sink);
  scopes_.Pop();
  RETURN_IF_ERROR(status);
  return text;
}

Status Evaluator::BindMacroArguments(const CallNode& node, const Macro& macro) {
  std::vector<Operand> values(macro.parameters.size());
  std::vector<bool> given(macro.parameters.size());
  if (node.positional.size() > values.size()) {
    return InvalidArgument("the macro `" + node.name + "` takes " + std::to_string(values.size()) + " arguments");
  }
  const auto bind = [&](std::size_t place, const Expression& argument) -> Status {
    ASSIGN_OR_RETURN(Operand operand, Evaluate(argument));
    ASSIGN_OR_RETURN(values[place], KeepOperand(std::move(operand)));
    given[place] = true;
    return {};
  };
  for (std::size_t i = 0; i < node.positional.size(); ++i) RETURN_IF_ERROR(bind(i, *node.positional[i]));
  for (const auto& [name, argument] : node.named) {
    const auto found = std::find_if(macro.parameters.begin(), macro.parameters.end(),
                                    [&word = name](const auto& parameter) { return parameter.first == word; });
    if (found == macro.parameters.end()) {
      return InvalidArgument("the macro `" + node.name + "` has no argument `" + name + "`");
    }
    RETURN_IF_ERROR(bind(static_cast<std::size_t>(found - macro.parameters.begin()), *argument));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!given[i] && macro.parameters[i].second != nullptr) RETURN_IF_ERROR(bind(i, *macro.parameters[i].second));
  }
  scopes_.Push(Scopes::Wall::kAll);
  for (std::size_t i = 0; i < values.size(); ++i) scopes_.Define(macro.parameters[i].first, std::move(values[i]));
  return {};
}

Result<Operand> Evaluator::CallMacro(const CallNode& node, const Macro& macro, const Expression&) {
  RETURN_IF_ERROR(BindMacroArguments(node, macro));
  std::string text;
  TextSink sink(text, budget_, true);
  const Status status = Execute(macro.body, sink);
  scopes_.Pop();
  RETURN_IF_ERROR(status);
  return Operand(Value(std::move(text)));
}

}  // namespace headrace::expr
