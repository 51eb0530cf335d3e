// What expressions see of this process: `envs` (variables ENV_NAME as envs.name), `globals`, `kestra` (its url
// from HEADRACE_URL).
// Threads: reads the environment, so before others change it. Source: FLOWS 1.10.
#pragma once

#include "common/model/value.h"

namespace headrace::cli {

Object Surroundings();

}  // namespace headrace::cli
