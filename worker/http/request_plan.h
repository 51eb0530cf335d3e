// From the properties of an HTTP task to a request, and from an answer to outputs.
// Errors: INVALID_ARGUMENT naming the property. Threads: pure. Source: Kestra's AbstractHttp and HttpConfiguration.
#pragma once

#include <functional>
#include <string>

#include "common/model/value.h"
#include "worker/http_client/http_client.h"
#include "worker/options.h"

namespace headrace::worker {

using FileOpener = std::function<Result<UniqueFd>(std::string_view uri)>;

// `properties` are rendered; `open` is for files of a form.
Result<HttpRequest> PlanRequest(const Object& properties, const WorkerOptions& options, const FileOpener& open = nullptr);
// name to list of values, as the server wrote the names.
Object HeaderLists(const HttpAnswer& answer);
// As text. Bytes that are no UTF-8 are an error that says what to use.
Result<std::string> BodyText(const HttpAnswer& answer);
// JSON when the content type says so and it is; else text. Text that is no UTF-8 is an error that says what to use.
Result<Value> BodyValue(const HttpAnswer& answer);
std::string PercentEncode(std::string_view text);

}  // namespace headrace::worker
