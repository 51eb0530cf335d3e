#!/usr/bin/env python3
"""No file that everything may grow into: past 500 lines a note, past 900 a fault."""
import sys

import tree

NOTE, FAULT = 500, 900


def main():
    root = tree.root_argument()
    sources = [path for path in tree.files(root, ".h", ".cc", ".py", ".proto", ".cmake", "CMakeLists.txt")
               if not path.startswith("tests/data/")]
    faults, notes = [], []
    for path in sources:
        lines = tree.read(root, path).count("\n")
        message = f"{path}: {lines} lines: split it by verb or by behaviour"
        if lines > FAULT:
            faults.append(f"{message} (at most {FAULT})")
        elif lines > NOTE:
            notes.append(f"{message} (aim at {NOTE // 2})")
    return tree.finish("sizes", faults, notes, count=len(sources))


if __name__ == "__main__":
    sys.exit(main())
