"""What docs/metrics.md says the program serves, and what an expression of PromQL asks for that is not among it."""
import os
import re

import tools

# Put on by Prometheus.
TARGET = {"job", "instance", "namespace", "pod", "container", "service", "le"}
_KINDS = {"_bucket": "histogram", "_sum": "histogram", "_count": "histogram"}


def told():
    """{name: (type, labels)}"""
    with open(os.path.join(tools.ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) \|", file.read(), re.M)
    return {name: (kind, {label for label in labels.split(", ") if label}) for name, kind, labels in rows}


def _metric(word, known):
    """(name, type) of a series, or None."""
    if word in known and known[word][0] != "histogram":
        return word
    for ending, kind in _KINDS.items():
        if word.endswith(ending) and known.get(word[:-len(ending)], ("",))[0] == kind:
            return word[:-len(ending)]
    return None


def faults(expression, known, legend=""):
    """A line a fault: metrics that are not there, labels that they do not have."""
    labels = set(TARGET)
    for word, selector in re.findall(r"\b((?:headrace|process)_\w+)(?:\{([^}]*)\})?", expression):
        metric = _metric(word, known)
        if metric is None:
            yield f"{word} is not served: {expression}"
            continue
        labels |= known[metric][1]
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
            if label not in known[metric][1] | TARGET:
                yield f"{word} has no label {label}: {expression}"
    for group in re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", expression):
        for label in re.findall(r"\w+", group):
            if label not in labels:
                yield f"nothing has a label {label}: {expression}"
    for label in re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", legend):
        if label not in labels:
            yield f"nothing has a label {label}: {legend}"
