// A few task types for the tests of this room, in the shape of the real ones.
#pragma once

#include "common/flow/catalog.h"

namespace headrace::flow {

const Catalog& SampleCatalog();

}  // namespace headrace::flow
