// Certificates and keys as files of PEM.
// Errors: INVALID_ARGUMENT names the option, the file and what is wrong. Threads: any.
#pragma once

#include <string>

#include "common/base/error.h"

namespace headrace::cli {

Result<std::string> ReadPem(const std::string& file, const std::string& option);

}  // namespace headrace::cli
