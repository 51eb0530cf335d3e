#include "worker/github/fetched.h"

namespace headrace::worker::github {

using model::PropertyKind;

Result<Object> HandOut(TaskContext& context, Array rows, std::int64_t total) {
  ASSIGN_OR_RETURN(const auto type, context.Text("fetchType"));
  const std::string how = type.value_or("STORE");
  Object outputs{{"size", static_cast<std::int64_t>(rows.size())}, {"total", total}};
  if (how == "NONE") {
    outputs["size"] = 0;
    return outputs;
  }
  if (how == "FETCH") {
    outputs["rows"] = std::move(rows);
  } else if (how == "FETCH_ONE") {
    outputs["row"] = rows.empty() ? Value() : std::move(rows.front());
    outputs["size"] = rows.empty() ? 0 : 1;
  } else if (how == "STORE") {
    ASSIGN_OR_RETURN(ScratchFile file, context.Scratch());
    for (const Value& row : rows) RETURN_IF_ERROR(file.Write(ToJson(row) + "\n"));
    RETURN_IF_ERROR(file.Rewind());
    ASSIGN_OR_RETURN(const std::string uri, context.Store(file, ".ion"));
    outputs["uri"] = uri;
  } else {
    return InvalidArgument("fetchType: '" + how + "' is none of FETCH, FETCH_ONE, STORE, NONE");
  }
  return outputs;
}

model::PropertySpec FetchTypeProperty() {
  return {.name = "fetchType", .kind = PropertyKind::kEnum, .doc = "Where the rows go: outputs, the first alone, a stored file, or nowhere.",
          .default_value = "STORE", .enum_values = {"FETCH", "FETCH_ONE", "STORE", "NONE"}};
}

std::vector<model::PropertySpec> FetchedOutputs() {
  return {{.name = "rows", .kind = PropertyKind::kList, .doc = "With FETCH."},
          {.name = "row", .kind = PropertyKind::kMap, .doc = "With FETCH_ONE."},
          {.name = "uri", .doc = "With STORE: a file with one row a line, as JSON."},
          {.name = "size", .kind = PropertyKind::kInteger, .doc = "How many were handed out."},
          {.name = "total", .kind = PropertyKind::kInteger, .doc = "How many GitHub says there are."}};
}

}  // namespace headrace::worker::github
