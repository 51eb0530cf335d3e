#!/usr/bin/env python3
"""Every code room introduces itself, and so does every header."""
import re
import sys

import tree

README_LINES = 40
HEAD_LINES = 12


def room_faults(root, room, paths):
    readme = f"{room}/README.md"
    if readme not in paths:
        yield f"{room}/: no README.md (purpose, doors, laws, start reading at; at most {README_LINES} lines)"
    else:
        lines = tree.read(root, readme).count("\n")
        if lines > README_LINES:
            yield f"{readme}: {lines} lines; a room introduces itself in {README_LINES}, the rest belongs into docs/"
    if f"{room}/CMakeLists.txt" not in paths:
        yield f"{room}/: no CMakeLists.txt (headrace_room(NAME … SOURCES …))"


def header_faults(path, text):
    if not re.search(r"^#pragma once$", text, re.M):
        yield f"{path}:1: no '#pragma once'"
    head = re.match(r"(?:#pragma once\n+)?((?://[^\n]*\n)*)", text).group(1)
    lines = head.count("\n")
    if lines == 0:
        yield f"{path}:1: no head comment: one sentence of what it is, then shapes, units, errors, threads as needed"
    elif lines > HEAD_LINES:
        yield f"{path}:1: a head comment of {lines} lines; the reader has {HEAD_LINES}, the rest belongs into docs/"


def main():
    root = tree.root_argument()
    paths = set(tree.files(root))
    faults = []
    for room in tree.ROOMS:
        if any(path.startswith(room + "/") and path.endswith((".h", ".cc")) for path in paths):
            faults += room_faults(root, room, paths)
    headers = [path for path in sorted(paths) if path.endswith(".h") and tree.room_of(path)]
    for path in headers:
        faults += header_faults(path, tree.read(root, path))
    return tree.finish("rooms", faults, count=len(headers))


if __name__ == "__main__":
    sys.exit(main())
