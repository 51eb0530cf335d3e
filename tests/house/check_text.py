#!/usr/bin/env python3
"""Nothing tracked names a machine's own paths; what a document points at, link or code, is there."""
import os
import re
import sys

import tree

# Spelled apart, or this file would be its own first fault.
MACHINE = re.compile(r"(?<![\w./-])/(?:" + "|".join(("wo" + "rk/", "tmp/" + "hr", "fa" + "rm", "root/", "home/[a-z]")) +
                     r")")
_LINK = re.compile(r"!?\[[^\]\n]*\]\(\s*<?([^)<>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_SRC = re.compile(r"<(?:img|source|a)\b[^>]*?\b(?:src|srcset|href)=\"([^\"]+)\"")
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.M | re.S)


def links(text):
    prose = _FENCE.sub(lambda match: "\n" * match.group().count("\n"), text)
    prose = re.sub(r"`[^`\n]*`", lambda match: " " * len(match.group()), prose)
    for pattern in (_LINK, _SRC):
        for match in pattern.finditer(prose):
            yield prose.count("\n", 0, match.start()) + 1, match.group(1)


def headings(text):
    """The anchors of a document as the usual renderers make them."""
    prose = _FENCE.sub("", text)
    for title in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", prose, re.M):
        title = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        yield re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title))


def link_faults(root, path, text):
    for line, target in links(text):
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
            continue
        name, _, anchor = target.partition("#")
        place = path if not name else os.path.normpath(os.path.join(os.path.dirname(path), name))
        full = os.path.join(root, place)
        if name.startswith("/") or place.startswith(".."):
            yield f"{path}:{line}: link '{target}' leaves the repository; write it relative to this file"
        elif not os.path.exists(full):
            yield f"{path}:{line}: link '{target}' leads nowhere"
        elif anchor and place.endswith(".md") and anchor not in set(headings(tree.read(root, place))):
            yield f"{path}:{line}: link '{target}': {place} has no such heading"


# `scheduler/core.h` (`Submit`, `Perform`): the file is there and says these names.
_CODE = re.compile(r"`((?:api|bench|cli|common|executor|proto|scheduler|tests|tools|worker|examples)/"
                   r"[\w./-]*\w\.(?:h|cc|py|proto|yaml))`"
                   r"(?:,? \((`\w+`(?:, `\w+`)*)\))?")


def code_faults(root, path, text):
    for match in _CODE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        target = match.group(1)
        if not os.path.isfile(os.path.join(root, target)):
            yield f"{path}:{line}: `{target}` is not there (any more)"
            continue
        code = tree.read(root, target)
        for name in re.findall(r"\w+", match.group(2) or ""):
            if not re.search(rf"\b{name}\b", code):
                yield f"{path}:{line}: `{target}` does not say `{name}` (any more)"


def main():
    root = tree.root_argument()
    faults, count = [], 0
    for path in tree.files(root):
        with open(os.path.join(root, path), "rb") as file:
            raw = file.read()
        if b"\0" in raw:
            continue
        count += 1
        text = raw.decode("utf-8", errors="replace")
        for match in MACHINE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            faults.append(f"{path}:{line}: '{match.group()}' is a path of one machine; derive it or take it as a setting")
        if path.endswith(".md"):
            faults += link_faults(root, path, text)
            faults += code_faults(root, path, text)
    return tree.finish("text", faults, count=count)


if __name__ == "__main__":
    sys.exit(main())
