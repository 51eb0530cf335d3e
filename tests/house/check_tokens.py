#!/usr/bin/env python3
"""The executor is pure: no clock, no chance, no file, no environment, no thread. And no unfinished words anywhere."""
import re
import sys

import tree

_EVENT_TIME = "time is a field of the event"
_AS_DATA = "what the executor cannot know it asks for as data (Needs)"
# A free function, not a member of the same name.
_CALL = r"(?<![.\w])(?<!->)"
PURE_ROOMS = ("executor/",)
BANNED = [
    (r"\bstd\s*::\s*chrono\s*::\s*\w*_clock\b|\b(system|steady|high_resolution|utc|file)_clock\b", _EVENT_TIME),
    (r"\bClock\b|\bclock_?(\(\))?(\.|->)Now\b", _EVENT_TIME),
    (_CALL + r"(time|clock|gettimeofday|clock_gettime|localtime|gmtime|localtime_r|gmtime_r)\s*\(", _EVENT_TIME),
    (_CALL + r"(sleep|usleep|nanosleep|sleep_for|sleep_until)\s*\(", "return SetTimer: waiting is a row, not a resource"),
    (_CALL + r"(rand|srand|random|drand48|arc4random|getrandom)\s*\(|\brandom_device\b|\bmt19937(_64)?\b",
     "jitter is a hash of ids (common/base/hash.h)"),
    (_CALL + r"(secure_)?getenv\s*\(|\benviron\b", _AS_DATA),
    (r"\b[io]?fstream\b|" + _CALL + r"(fopen|freopen|open|openat|creat)\s*\(|\bstd\s*::\s*filesystem\b", _AS_DATA),
    (r"\bstd\s*::\s*(jthread|thread|mutex|shared_mutex|recursive_mutex|condition_variable|atomic|future|async|promise"
     r"|lock_guard|scoped_lock|unique_lock)\b|\bthread_local\b|\bpthread_\w+",
     "one thread at a time owns an execution: take it as an argument"),
    (r"\bstd\s*::\s*c(out|err|log)\b|" + _CALL + r"printf\s*\(|\bspdlog\b|\bLOG_\w+\s*\(",
     "return EmitLog; the scheduler logs what it carries out"),
    (_CALL + r"(fork|vfork|posix_spawnp?|execve?|execvp|system|popen|socket)\s*\(", "return a command; a worker does the work"),
]
BANNED_INCLUDES = {
    "chrono": "common/base/time.h", "random": "common/base/hash.h", "fstream": "Needs", "filesystem": "Needs",
    "thread": "a command", "mutex": "plain values", "atomic": "plain values", "future": "plain values",
    "condition_variable": "plain values", "ctime": "common/base/time.h", "time.h": "common/base/time.h",
    "iostream": "EmitLog", "unistd.h": "a command", "common/base/clock.h": "the time in the event",
    "common/base/log.h": "EmitLog", "common/base/mailbox.h": "plain values",
}
# Spelled apart, or this file would be its own first fault.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")


def pure_faults(path, text):
    code = tree.code_only(text)
    for pattern, instead in BANNED:
        for match in re.finditer(pattern, code):
            line = code.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: '{match.group().strip()}' in the executor: {instead}"
    for line, name, _ in tree.includes(text):
        if name in BANNED_INCLUDES:
            yield f"{path}:{line}: <{name}> in the executor: use {BANNED_INCLUDES[name]}"


def main():
    root = tree.root_argument()
    sources = [path for path in tree.files(root, ".h", ".cc", ".py", ".cmake", "CMakeLists.txt", ".proto", ".md")
               if not path.startswith("tests/data/")]
    faults = []
    for path in sources:
        text = tree.read(root, path)
        if path.startswith(PURE_ROOMS) and path.endswith((".h", ".cc")):
            faults += pure_faults(path, text)
        for match in UNFINISHED.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            faults.append(f"{path}:{line}: '{match.group()}': finish it, or say in prose what is missing and why")
    return tree.finish("tokens", faults, count=len(sources))


if __name__ == "__main__":
    sys.exit(main())
