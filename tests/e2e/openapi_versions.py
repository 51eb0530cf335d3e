"""GitHub's description as of a later version of its API: the breaking changes that it carries, applied.

The description is of the oldest version served; an object names under `x-github-breaking-changes` what becomes of it, as a
merge patch (RFC 7396) or a list of operations (RFC 6902). Pure.
"""

CHANGES = "x-github-breaking-changes"


def at_version(description, version):
    """Changes `description` itself, and returns it."""
    for found, changes in list(_changed(description)):
        for change in changes:
            if change["version"] > version:
                continue
            if isinstance(change["patch"], dict):
                _merge(found, change["patch"])
            else:
                for operation in change["patch"]:
                    _operate(found, operation)
    return description


def _changed(node):
    if isinstance(node, dict):
        if CHANGES in node:
            yield node, node[CHANGES]
        for key, child in node.items():
            if key != CHANGES:
                yield from _changed(child)
    elif isinstance(node, list):
        for child in node:
            yield from _changed(child)


def _merge(target, patch):
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        elif key == "required" and isinstance(target.get(key), list):
            # Each of two changes was written without the other.
            target[key] = [name for name in target[key] if name in value]
        else:
            target[key] = value


def _operate(target, operation):
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    for part in way:
        target = target[int(part) if isinstance(target, list) else part]
    last = int(last) if isinstance(target, list) else last
    if operation["op"] == "remove":
        del target[last]
    elif operation["op"] in ("add", "replace"):
        target[last] = operation["value"]
    else:
        raise ValueError(f"operation {operation['op']} is not known")
