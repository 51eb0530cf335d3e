// The properties that many steered types share.
// Threads: pure.
#pragma once

#include "common/model/spec.h"

namespace headrace::executor {

model::PropertySpec TasksProperty();  // required
model::PropertySpec ErrorsProperty();
model::PropertySpec FinallyProperty();
model::PropertySpec ConcurrentProperty();

}  // namespace headrace::executor
