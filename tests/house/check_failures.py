#!/usr/bin/env python3
"""docs/failures.md names every row once, and no test that is not there."""
import os
import re
import sys

import tree

PAGE = "docs/failures.md"
ROWS = range(1, 91)
_REFERENCE = re.compile(r"`((?:cli|data|e2e|fuzz|golden|house|sim|unit)/[^`:\s]+)(?:: ([^`]+))?`")


def rows_of(text):
    """(line, rows, whole text) of every row of the page's tables."""
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r"\| (\d+)(?:-(\d+))? \|", line)
        if match:
            first = int(match.group(1))
            yield number, range(first, int(match.group(2) or first) + 1), line


def row_faults(text):
    seen = {}
    for number, rows, line in rows_of(text):
        for row in rows:
            if row in seen:
                yield f"{PAGE}:{number}: row {row} stands in line {seen[row]} already"
            seen[row] = number
        if not _REFERENCE.search(line) and not re.search(r"not there yet|no test yet", line):
            yield f"{PAGE}:{number}: row {rows[0]} names no test; say 'not there yet' or 'no test yet' if there is none"
    for row in ROWS:
        if row not in seen:
            yield f"{PAGE}: row {row} is missing"


def defines(text, name):
    return re.search(rf"^\s*(?:TEST\w*\([^,)]+,\s*{name}\s*\)|def {name}\()", text, re.M)


def reference_faults(root, text):
    for number, line in enumerate(text.split("\n"), 1):
        for path, names in _REFERENCE.findall(line):
            full = "tests/" + path
            if not os.path.isfile(os.path.join(root, full)):
                yield f"{PAGE}:{number}: there is no {full}"
                continue
            source = tree.read(root, full)
            for name in filter(None, re.split(r",\s*", names)):
                if not defines(source, re.escape(name)):
                    yield f"{PAGE}:{number}: {full} has no test {name}; name the one that shows it now"


def main():
    root = tree.root_argument()
    if not os.path.isfile(os.path.join(root, PAGE)):
        return tree.finish("failures", [f"{PAGE} is not there"])
    text = tree.read(root, PAGE)
    return tree.finish("failures", [*row_faults(text), *reference_faults(root, text)], count=1)


if __name__ == "__main__":
    sys.exit(main())
