"""Faults to inject: which requests they hit, how often, and whether the effect still happens.

{"method": "POST", "path": "regex", "skip": n, "times": n (default 1, 0: for ever),
 "chance": 0.05, "seed": 1, "kind": ...}   chance: only some of them, the same for the same seed
  status     answers `status` (with `headers`, `message`) without effect, or with `effect: true`
  reset      closes the connection with a RST; `effect: true`: after the effect, no answer
  primary    the token's quota is spent: 403, remaining 0, until its reset
  secondary  403 (or `status`: 429) with Retry-After `retry_after` (0: without that header, or a
             date as text), in GitHub's words or those of `message`
  delay      waits `ms` of real time, then goes on; `effect: true`: answers late, after the effect
  garbage    200 with a body that is not JSON
  cut        closes the connection in the midst of the answer, after the effect
  redirect   301 (or `status`: 302, 307, 308) to `location`
"""

import random
import re

from github_standin.errors import ApiError

KINDS = ("status", "reset", "primary", "secondary", "delay", "garbage", "cut", "redirect")
KEYS = {"method", "path", "skip", "times", "kind", "status", "headers", "message", "effect",
        "retry_after", "ms", "location", "chance", "seed"}


class Turns:
    """Which of the occasions that fit are struck: `skip`, `times`, `chance` and `seed` of a fault."""

    def __init__(self, spec):
        self._chance = spec.get("chance", 1)
        self._skip = spec.get("skip", 0)
        self._left = spec.get("times", 1) or None
        self._random = random.Random(spec.get("seed", 0))

    def spent(self):
        return self._left == 0

    def take(self):
        """True if this occasion is struck; counts it."""
        if self._skip > 0:
            self._skip -= 1
            return False
        if self._random.random() >= self._chance:
            return False
        if self._left is not None:
            self._left -= 1
        return True


def check(what, spec, kinds, keys):
    unknown = sorted(set(spec) - keys)
    if unknown or spec.get("kind") not in kinds:
        raise ApiError(422, f"{what}: kind is one of {', '.join(kinds)}; unknown keys {unknown}")


class Fault:
    def __init__(self, spec):
        check("fault", spec, KINDS, KEYS)
        self.spec = spec
        self.kind = spec["kind"]
        self.effect = bool(spec.get("effect")) or self.kind == "cut"
        self._method = spec.get("method")
        self._path = re.compile(spec.get("path", ""))
        self._turns = Turns(spec)
        self.hits = 0

    def spent(self):
        return self._turns.spent()

    def hit(self, method, path):
        """True if this request is struck; counts it."""
        if self.spent() or self._method not in (None, method) or not self._path.search(path):
            return False
        struck = self._turns.take()
        self.hits += struck
        return struck


class Faults:
    def __init__(self):
        self._faults = []

    def add(self, spec):
        self._faults.append(Fault(spec))

    def clear(self):
        self._faults.clear()

    def take(self, method, path):
        """The first fault that strikes; delays strike beside others."""
        struck = []
        for fault in self._faults:
            if any(f.kind != "delay" for f in struck) and fault.kind != "delay":
                continue
            if fault.hit(method, path):
                struck.append(fault)
        return struck

    def report(self):
        return [dict(f.spec, hits=f.hits, spent=f.spent()) for f in self._faults]
