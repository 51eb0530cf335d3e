#include "common/expr/template.h"

#include "common/expr/ast.h"
#include "common/expr/budget.h"
#include "common/expr/evaluator.h"
#include "common/expr/parser.h"
#include "common/expr/references.h"

namespace headrace::expr {
namespace {

bool IsLiteral(std::string_view text) {
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    if (at + 1 < text.size() && (text[at + 1] == '{' || text[at + 1] == '%' || text[at + 1] == '#')) return false;
  }
  return true;
}

}  // namespace

Template::Template(Private, std::string_view source) : source_(source) {}
Template::~Template() = default;

Result<std::shared_ptr<const Template>> Template::Compile(std::string_view text) {
  auto compiled = std::make_shared<Template>(Private(), text);
  if (!IsLiteral(text)) {
    ASSIGN_OR_RETURN(compiled->program_, Parse(compiled->source_));
    compiled->references_ = CollectReferences(*compiled->program_);
  }
  return compiled;
}

Result<std::string> Template::RenderText(const Value& context, Environment& environment, const Limits& limits) const {
  if (is_literal()) return source_;
  Budget budget(limits);
  return RenderText(context, environment, budget);
}

Result<Value> Template::RenderTyped(const Value& context, Environment& environment, const Limits& limits) const {
  if (is_literal()) return Value(source_);
  Budget budget(limits);
  return RenderTyped(context, environment, budget);
}

Result<std::string> Template::RenderText(const Value& context, Environment& environment, Budget& budget) const {
  if (is_literal()) return source_;
  std::string text;
  TextSink sink(text, budget);
  RETURN_IF_ERROR(Evaluator(*program_, context, environment, budget).Run(sink));
  return text;
}

Result<Value> Template::RenderTyped(const Value& context, Environment& environment, Budget& budget) const {
  if (is_literal()) return Value(source_);
  TypedSink sink(budget);
  RETURN_IF_ERROR(Evaluator(*program_, context, environment, budget).Run(sink));
  return sink.Finish();
}

}  // namespace headrace::expr
