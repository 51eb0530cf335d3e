"""The validating door before one stand-in of a suite; what it saw goes into a report that all suites share."""

import json
import os

from openapi_proxy import Front


class Door:
    def __init__(self, standin_url, settings):
        """`settings`: {prism: [host, port], newer: {version: [host, port]}, router: [host, port], report: file, suite: name}."""
        host, _, port = standin_url.removeprefix("http://").rpartition(":")
        self._settings = settings
        self._front = Front(tuple(settings["prism"]), (host, int(port)), router=tuple(settings["router"]),
                            newer={version: tuple(place) for version, place in settings["newer"].items()})
        self.url = self._front.url

    def stop(self):
        self._front.stop()
        seen = {"suite": self._settings["suite"], "checked": self._front.count, "outside": self._front.outside,
                "violations": self._front.violations, "unknown": self._front.unknown}
        with open(self._settings["report"], "ab", buffering=0) as file:
            file.write(json.dumps(seen).encode() + b"\n")


def read_report(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
