// What a process of the release before (889f384) makes of records and of what it is told: what it does not know is not there,
// neither when it reads nor in what it writes. On the wire to workers only the traceparent is newer, which no history has.
// Shapes: one function a kind; all leave alone what cannot be read. Threads: pure.
#pragma once

#include "common/store/store.h"
#include "common/wire/records.h"

namespace headrace::sim {

void AsBefore(wire::OutboxItem& item);
void AsBefore(store::WriteBatch& batch);
void AsBefore(store::PartitionSnapshot& snapshot);
void AsBefore(store::StoredExecution& stored);

}  // namespace headrace::sim
