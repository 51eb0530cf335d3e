"""The stand-in's own time: real time times a scale, moved by hand over /_admin/clock.

Units: milliseconds since the epoch, UTC. Scale 0 freezes it: only `advance` moves it then.
"""

import datetime
import time


class Clock:
    def __init__(self, scale=1.0, start_ms=None, monotonic=time.monotonic):
        self._monotonic = monotonic
        self._scale = float(scale)
        self._base_ms = time.time() * 1000 if start_ms is None else float(start_ms)
        self._mark = monotonic()

    @property
    def scale(self):
        return self._scale

    def now_ms(self):
        return self._base_ms + (self._monotonic() - self._mark) * 1000 * self._scale

    def advance(self, ms):
        if ms < 0:
            raise ValueError("the clock only moves forward")
        self._base_ms += ms

    def set_scale(self, scale):
        if scale < 0:
            raise ValueError("a scale is not negative")
        self._base_ms = self.now_ms()
        self._mark = self._monotonic()
        self._scale = float(scale)


def iso(ms):
    """GitHub's form of a time: whole seconds, `Z`."""
    moment = datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
