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

    def counts(self):
        by_status = collections.Counter(str(e["status"]) for e in self.entries)
        by_route = collections.Counter(f"{e['method']} {e['route']}" for e in self.entries)
        return {
            "sent": len(self.entries),
            "charged": sum(1 for e in self.entries if e["charged"]),
            "not_modified": by_status.get("304", 0),
            "by_status": dict(by_status),
            "by_route": dict(by_route),
        }
