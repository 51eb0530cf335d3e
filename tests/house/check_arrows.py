#!/usr/bin/env python3
"""Include arrows only go down, and every foreign header has one home (docs/ARCHITECTURE.md)."""
import fnmatch
import os
import sys

import tree

_BASE = {"common/base"}
_NOUNS = _BASE | {"common/model"}
_COMMON = {room for room in tree.ROOMS if room.startswith("common/")}

# Which rooms a room may include besides itself.
MAY = {
    "common/base": set(),
    "common/model": _BASE,
    "common/expr": _NOUNS,
    "common/cron": _BASE | {"common/expr"},
    "common/flow": _NOUNS | {"common/cron", "common/expr"},
    "common/queue": _NOUNS,
    "common/store": _NOUNS,
    "common/trace": _NOUNS,
    "common/wire": _NOUNS | {"common/store"},
    "executor": _NOUNS | {"common/expr"},
    "scheduler": _COMMON | {"executor"},
    "worker": _COMMON,
    "api": _COMMON - {"common/store", "common/queue"},
    "cli": set(tree.ROOMS),
}

# Single headers beyond the rooms above.
DOORS = {"api": {"scheduler/engine.h"}}

WHY = {
    ("executor", "scheduler"): "the executor is pure: return a command, the scheduler carries it out",
    ("executor", "common/flow"): "the flow is a value of common/model; common/flow only reads YAML into it",
    ("executor", "common/store"): "return a delta; the scheduler stages and commits it",
    ("executor", "common/queue"): "return DispatchTask; the scheduler sends it",
    ("worker", "scheduler"): "the two talk through messages: put what both need into common/model or common/wire",
    ("scheduler", "worker"): "the two talk through messages: put what both need into common/model or common/wire",
    ("worker", "executor"): "the executor decides at the scheduler; a worker only does what an assignment says",
    ("api", "scheduler"): "ask through scheduler/engine.h, and widen that door if it cannot say it",
    ("api", "common/store"): "ask through scheduler/engine.h; the store belongs to the scheduler",
    ("api", "common/queue"): "ask through scheduler/engine.h; the queue belongs to the scheduler",
    ("api", "worker"): "task specs reach the api as values of common/model, put into the catalog by cli",
}

# (what is included, where it may be, what to use elsewhere).
HOMES = [
    ("yaml-cpp/*", ["common/flow/*"], "common/flow's reader, which keeps line and column"),
    ("zmq*.h*", ["common/queue/zmq_*"], "the Queue seam, common/queue/queue.h"),
    ("sqlite3*.h", ["common/store/sqlite_*"], "the Store seam, common/store/store.h"),
    ("hiredis/*", ["common/store/redis_*"], "the Store seam, common/store/store.h"),
    ("grpcpp/*", ["api/*", "cli/*"], "a value of common/model and a call from api or cli"),
    ("grpc/*", ["api/*", "cli/*"], "a value of common/model and a call from api or cli"),
    ("*.grpc.pb.h", ["api/*", "cli/*"], "a value of common/model and a call from api or cli"),
    ("curl/*", ["worker/http_client*", "worker/*/http_client*"], "worker's HTTP client seam"),
    ("CLI/*", ["cli/*"], "a value handed over by cli"),
    ("boost/beast*", ["api/*"], "api's HTTP server"),
    ("boost/asio*", ["api/http/connection.cc", "api/http/server.cc"], "api/http/server.h"),
    ("prometheus/*", ["api/http/metrics*"], "api/http/metrics.h"),
    ("google/protobuf/*", ["common/wire/*", "common/store/*", "api/*", "cli/*"], "common/wire's ToProto and FromProto"),
    ("*headrace/api/v1/*.pb.h", ["api/*", "cli/*"], "the plain values of common/model"),
    ("*headrace/store/v1/*.pb.h", ["common/store/*", "common/wire/*"], "common/wire's records"),
    ("*headrace/wire/v1/*.pb.h", ["common/wire/*", "scheduler/*", "worker/*"], "common/wire's messages"),
    ("*.pb.h", ["common/wire/*", "common/store/*", "scheduler/*", "worker/*", "api/*", "cli/*"],
     "a plain value of common/model: domain types never include generated ones"),
    ("jq.h", ["common/expr/*"], "the jq filter of common/expr"),
]


def faults_of(root, path):
    room = tree.room_of(path)
    for line, name, quoted in tree.includes(tree.read(root, path)):
        place = f"{path}:{line}: "
        home = next((h for h in HOMES if fnmatch.fnmatch(name, h[0])), None)
        if home and not any(fnmatch.fnmatch(path, pattern) for pattern in home[1]):
            yield f"{place}<{name}> has its home in {', '.join(home[1])}; use {home[2]}"
            continue
        target = tree.room_of(name)
        if target is None:
            if quoted and not name.endswith(".pb.h") and not os.path.isfile(os.path.join(root, name)):
                yield f'{place}"{name}" is not a path from the root of the repository; include it by its full path'
            continue
        if not quoted:
            yield f'{place}<{name}> is ours; include it as "{name}"'
        if target != room and target not in MAY[room] and name not in DOORS.get(room, ()):
            why = WHY.get((room, target), f"{room} may include {', '.join(sorted(MAY[room])) or 'only itself'}")
            yield f"{place}{room} must not include {target} ({name}): {why}"


def main():
    root = tree.root_argument()
    sources = [path for path in tree.files(root, ".h", ".cc") if tree.room_of(path)]
    faults = [fault for path in sources for fault in faults_of(root, path)]
    return tree.finish("arrows", faults, count=len(sources))


if __name__ == "__main__":
    sys.exit(main())
