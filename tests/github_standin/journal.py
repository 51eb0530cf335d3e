"""What was asked and answered: counts for /_admin/state, a line of JSON each for --log."""

import collections
import json


class Journal:
    def __init__(self, file=None):
        self.entries = []
        self._file = file

    def note(self, entry):
        entry = dict(n=len(self.entries) + 1, **entry)
        self.entries.append(entry)
        if self._file:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def clear(self):
        self.entries.clear()

    def counts(self):
        by_route = collections.Counter(f"{e['method']} {e['route']}" for e in self.entries)
        tokens = {}
        for entry in self.entries:
            tokens.setdefault(entry["token"] or "anonymous", []).append(entry)
        charged = collections.Counter(e["resource"] for e in self.entries if e["charged"])
        return dict(_count(self.entries), charged_by_resource=dict(charged), by_route=dict(by_route),
                    by_token={token: _count(entries) for token, entries in tokens.items()})


def _count(entries):
    by_status = collections.Counter(str(e["status"]) for e in entries)
    return {
        "sent": len(entries),
        "charged": sum(1 for e in entries if e["charged"]),
        "not_modified": by_status.get("304", 0),
        "in_pause": sum(1 for e in entries if e["in_pause"]),
        "writes": sum(1 for e in entries if e["method"] not in ("GET", "HEAD")),
        "at_once": max((e["in_flight"] for e in entries), default=0),
        "by_status": dict(by_status),
    }
