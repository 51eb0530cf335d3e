"""Rate limits: the hourly quota of a token, and the secondary limits that nobody can read.

Primary: a window of one hour of the stand-in's clock starting at the first request.
Secondary: points in the last minute (reads 1, writes 5), creations in the last minute, requests
in flight. A 304 to an authenticated conditional request is not charged.
"""

import collections

from github_standin.errors import ApiError

HOUR_MS = 3600 * 1000
MINUTE_MS = 60 * 1000
SECONDARY = ("You have exceeded a secondary rate limit. Please wait a few minutes before you try "
             "again.")


class Quota:
    """One token's (or all anonymous callers') quota of the core resource."""

    def __init__(self, limit):
        self.limit = limit
        self.used = 0
        self.reset_ms = 0
        self.points = collections.deque()
        self.creations = collections.deque()

    def roll(self, now_ms):
        if now_ms >= self.reset_ms:
            self.used, self.reset_ms = 0, now_ms + HOUR_MS

    @property
    def remaining(self):
        return max(0, self.limit - self.used)

    def headers(self):
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str(int(self.reset_ms // 1000)),
            "X-RateLimit-Resource": "core",
        }

    def view(self):
        return {"limit": self.limit, "used": self.used, "remaining": self.remaining,
                "reset": int(self.reset_ms // 1000)}


class Limits:
    def __init__(self, world):
        self._world = world
        self._quotas = {}
        self.in_flight = 0

    def quota(self, token):
        config = self._world.config
        if token not in self._quotas:
            limit = config["limit"] if token else config["anonymous_limit"]
            known = config["tokens"].get(token, {}) if token else {}
            self._quotas[token] = Quota(known.get("limit", limit))
        quota = self._quotas[token]
        quota.roll(self._world.clock.now_ms())
        return quota

    def admit(self, quota, method, creates):
        """Raises 403 if a limit is reached; else books the points (not yet the charge)."""
        config, now = self._world.config, self._world.clock.now_ms()
        if quota.remaining == 0:
            raise primary(quota)
        for window in (quota.points, quota.creations):
            while window and window[0][0] <= now - MINUTE_MS:
                window.popleft()
        points = 1 if method in ("GET", "HEAD", "OPTIONS") else 5
        if (self.in_flight > config["concurrent"]
                or sum(p for _, p in quota.points) + points > config["points_per_minute"]
                or (creates and len(quota.creations) >= config["creations_per_minute"])):
            raise secondary(60)
        quota.points.append((now, points))
        if creates:
            quota.creations.append((now, 1))

    def spend_all(self, quota):
        quota.used = quota.limit


def primary(quota):
    return ApiError(403, "API rate limit exceeded for this token.", headers=quota.headers())


def secondary(retry_after, status=403):
    return ApiError(status, SECONDARY,
                    headers={"Retry-After": str(retry_after)} if retry_after else {})
