#include <algorithm>
#include <iterator>
#include <map>
#include <ostream>
#include <utility>

#include "cli/client/flow_client.h"
#include "cli/commands/arguments.h"
#include "cli/commands/catalog.h"
#include "cli/commands/flow_verbs.h"
#include "cli/exit_code.h"
#include "cli/output/json.h"
#include "cli/output/lines.h"
#include "common/flow/builder.h"
#include "common/flow/subflow_circles.h"

namespace headrace::cli {
namespace {

struct Verdict {
  std::string file;
  std::string flow;  // "namespace/id"; empty when it is not valid
  std::vector<Violation> errors;
  std::vector<Violation> warnings;
  model::FlowPtr built{};  // offline
};

Verdict CheckOffline(const FlowText& text, const flow::Catalog& catalog) {
  Verdict verdict{text.file};
  Result<flow::BuiltFlow> built = flow::BuildFlow(text.text, text.file, catalog);
  if (built) {
    verdict.flow = built->flow->ns + "/" + built->flow->id;
    verdict.warnings = std::move(built->warnings);
    std::move(built->advice.begin(), built->advice.end(), std::back_inserter(verdict.warnings));
    verdict.built = std::move(built->flow);
  } else {
    verdict.errors = std::move(built.error().violations);
    if (verdict.errors.empty()) verdict.errors.push_back({"", built.error().message, 0, 0, text.file});
  }
  return verdict;
}

template <typename Violations>
std::vector<Violation> FromProto(const Violations& violations) {
  std::vector<Violation> out;
  for (const v1::Violation& violation : violations) {
    out.push_back({violation.field(), violation.message(), violation.location().line(), violation.location().column(),
                   violation.location().file()});
  }
  return out;
}

Result<Verdict> CheckOnline(const FlowText& text, FlowClient& client) {
  ASSIGN_OR_RETURN(const v1::ValidateFlowResponse response, client.Validate(text.text, text.file));
  Verdict verdict{text.file, "", FromProto(response.errors()), FromProto(response.warnings())};
  if (response.has_flow()) verdict.flow = response.flow().namespace_() + "/" + response.flow().id();
  return verdict;
}

// Two flows of one name: which of them would be deployed is chance.
void FindTwins(std::vector<Verdict>& verdicts) {
  std::map<std::string, std::string> seen;
  for (Verdict& verdict : verdicts) {
    if (verdict.flow.empty()) continue;
    const auto [first, is_new] = seen.emplace(verdict.flow, verdict.file);
    if (is_new) continue;
    verdict.errors.push_back({"id", "flow " + verdict.flow + " is in " + first->second + " as well; change one of the ids", 0, 0,
                              verdict.file});
  }
}

// Among these flows: what a server has besides only it knows.
void FindCircles(std::vector<Verdict>& verdicts) {
  std::map<std::string, model::FlowPtr> by_name;
  for (const Verdict& verdict : verdicts) {
    if (verdict.built != nullptr) by_name.emplace(verdict.flow, verdict.built);
  }
  const auto find = [&by_name](const std::string& ns, const std::string& id) {
    const auto at = by_name.find(ns + "/" + id);
    return at == by_name.end() ? nullptr : at->second;
  };
  for (Verdict& verdict : verdicts) {
    if (verdict.built == nullptr) continue;
    if (auto circle = flow::FindCircle(*verdict.built, find, verdict.file)) verdict.warnings.push_back(std::move(*circle));
  }
}

Array Objects(const std::vector<Violation>& violations) {
  Array out;
  for (const Violation& violation : violations) {
    out.push_back(Object{{"field", violation.field}, {"message", violation.message}, {"line", violation.line},
                         {"column", violation.column}});
  }
  return out;
}

void PrintData(const Context& context, const std::vector<Verdict>& verdicts) {
  Array all;
  for (const Verdict& verdict : verdicts) {
    Object object{{"file", verdict.file}, {"valid", verdict.errors.empty()}, {"errors", Objects(verdict.errors)},
                  {"warnings", Objects(verdict.warnings)}};
    if (!verdict.flow.empty()) object["flow"] = verdict.flow;
    if (context.output == "jsonl") PrintValue(context, object);
    else all.push_back(std::move(object));
  }
  if (context.output != "jsonl") PrintValue(context, all);
}

void PrintText(const Context& context, const std::vector<Verdict>& verdicts) {
  const auto tell = [&context](const Verdict& verdict, const std::vector<Violation>& violations, Tint tint, const char* kind) {
    for (Violation violation : violations) {
      if (violation.file.empty()) violation.file = verdict.file;
      PrintLines(context.err, Tinted(tint, kind, context.err_screen.color) + ' ', "  ", ToString(violation));
    }
  };
  for (const Verdict& verdict : verdicts) {
    tell(verdict, verdict.errors, Tint::kRed, "error:");
    tell(verdict, verdict.warnings, Tint::kYellow, "warning:");
    if (!verdict.errors.empty()) continue;
    context.out << Tinted(Tint::kGreen, context.ascii ? "ok" : "✔", context.out_screen.color) << ' '
                << Printable(verdict.flow) << "  " << Printable(verdict.file) << '\n';
  }
}

}  // namespace

int ValidateFlows(Context& context, const std::vector<std::string>& paths, const std::vector<std::string>& templates,
                  bool online) {
  const Result<std::vector<FlowText>> texts = ReadFlowTexts(paths, context.in);
  if (!texts) return PrintError(context, texts.error());
  const Result<flow::Catalog> catalog = online ? flow::Catalog() : CatalogWithTemplates(templates, context.in);
  if (!catalog) return PrintError(context, catalog.error());
  FlowClient client(ConnectTo(context));
  std::vector<Verdict> verdicts;
  for (const FlowText& text : *texts) {
    Result<Verdict> verdict = online ? CheckOnline(text, client) : CheckOffline(text, *catalog);
    if (!verdict) return PrintError(context, verdict.error());
    verdicts.push_back(std::move(*verdict));
  }
  FindCircles(verdicts);
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    ShiftLines(verdicts[i].errors, texts->at(i).first_line);
    ShiftLines(verdicts[i].warnings, texts->at(i).first_line);
  }
  FindTwins(verdicts);
  if (WantsData(context)) PrintData(context, verdicts);
  else PrintText(context, verdicts);
  const auto wrong = std::count_if(verdicts.begin(), verdicts.end(), [](const Verdict& v) { return !v.errors.empty(); });
  if (wrong > 0 && !context.quiet && !WantsData(context)) {
    context.err << wrong << " of " << verdicts.size() << " flows not valid\n";
  }
  return wrong == 0 ? kExitOk : kExitInvalid;
}

}  // namespace headrace::cli
