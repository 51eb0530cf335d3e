#include <variant>

#include "common/store/query.h"
#include "common/store/sqlite_batch.h"
#include "common/store/sqlite_core.h"
#include "common/store/sqlite_schema.h"

namespace headrace::store {
namespace {

struct Blob {
  std::string bytes;
};
using Parameter = std::variant<std::int64_t, std::string, Blob>;

// The conditions of a query as SQL text and the values for its parameters, which the text never holds.
class Conditions {
 public:
  void Add(std::string_view condition, std::vector<Parameter> values) {
    sql_ += sql_.empty() ? " WHERE " : " AND ";
    sql_ += condition;
    for (Parameter& value : values) values_.push_back(std::move(value));
  }
  const std::string& sql() const { return sql_; }
  void BindTo(Statement& statement) const {
    for (const Parameter& value : values_) {
      if (const auto* number = std::get_if<std::int64_t>(&value)) statement.Bind(*number);
      else if (const auto* text = std::get_if<std::string>(&value)) statement.Bind(*text);
      else statement.BindBlob(std::get<Blob>(value).bytes);
    }
  }

 private:
  std::string sql_;
  std::vector<Parameter> values_;
};

void AddStates(const std::vector<model::State>& states, Conditions& conditions) {
  if (states.empty()) return;
  std::string marks;
  std::vector<Parameter> names;
  bool all_notable = true;
  for (const model::State state : states) {
    marks += marks.empty() ? "?" : ",?";
    names.emplace_back(std::string(model::StateName(state)));
    all_notable = all_notable && IsNotable(state);
  }
  conditions.Add("state IN (" + marks + ")", std::move(names));
  // What lets SQLite use the index of the notable ones.
  if (all_notable) conditions.Add("notable IS NOT NULL", {});
}

// Everything below "a" sorts between "a." and "a/".
void AddNamespacePrefix(const std::string& prefix, Conditions& conditions) {
  if (prefix.empty()) return;
  conditions.Add("(ns = ? OR (ns >= ? AND ns < ?))", {prefix, prefix + ".", prefix + "/"});
}

Result<Conditions> ConditionsOf(const ExecutionQuery& query) {
  Conditions conditions;
  if (!query.ns.empty()) conditions.Add("ns = ?", {query.ns});
  AddNamespacePrefix(query.ns_prefix, conditions);
  if (!query.flow_id.empty()) conditions.Add("flow_id = ?", {query.flow_id});
  AddStates(query.states, conditions);
  if (query.created_from) conditions.Add("created >= ?", {ToMicros(*query.created_from)});
  if (query.created_before) conditions.Add("created < ?", {ToMicros(*query.created_before)});
  if (query.partition) conditions.Add("partition = ?", {std::int64_t{*query.partition}});
  if (query.parent) conditions.Add("parent = ?", {query.parent->str()});
  for (const model::Label& label : query.labels) {
    conditions.Add("instr(labels, ?) > 0", {Blob{LabelBytes(std::span(&label, 1))}});
  }
  if (!query.page_token.empty()) {
    ASSIGN_OR_RETURN(const PagePlace after, ParsePageToken(query.page_token));
    conditions.Add("(created, id) < (?, ?)", {ToMicros(after.created), after.id});
  }
  return conditions;
}

}  // namespace

Result<ExecutionPage> ListExecutions(Database& database, const ExecutionQuery& query) {
  ASSIGN_OR_RETURN(const Conditions conditions, ConditionsOf(query));
  const std::size_t size = PageSize(query);
  ASSIGN_OR_RETURN(Statement rows,
                   Statement::Prepare(database, "SELECT record, created, id FROM executions" + conditions.sql() +
                                                    " ORDER BY created DESC, id DESC LIMIT " + std::to_string(size + 1)));
  conditions.BindTo(rows);
  ExecutionPage page;
  PagePlace last;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return page;
    if (page.records.size() == size) {
      page.next_page_token = MakePageToken(last);
      return page;
    }
    page.records.push_back(rows.Text(0));
    last = {FromMicros(rows.Integer(1)), rows.Text(2)};
  }
}

Result<std::vector<FlowCount>> CountExecutions(Database& database, ExecutionQuery query) {
  query.page_token.clear();
  ASSIGN_OR_RETURN(const Conditions conditions, ConditionsOf(query));
  ASSIGN_OR_RETURN(Statement rows,
                   Statement::Prepare(database, "SELECT ns, flow_id, count(*) FROM executions" + conditions.sql() +
                                                    " GROUP BY ns, flow_id ORDER BY ns, flow_id"));
  conditions.BindTo(rows);
  std::vector<FlowCount> counts;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return counts;
    counts.push_back({rows.Text(0), rows.Text(1), static_cast<std::uint64_t>(rows.Integer(2))});
  }
}

}  // namespace headrace::store
