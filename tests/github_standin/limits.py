"""Rate limits: the quotas of a caller, and the secondary limits that nobody can read.

Primary: a window of one hour (search: a minute) of the stand-in's clock from the first request,
of an installation, a user, or a token. Secondary: points in the last minute (reads 1, writes 5),
creations in the last minute and hour, requests in flight.
Pause: from an answer that says so (Retry-After, reset, else a minute) until then; who sends in it
is counted by the journal.
"""

import collections
import email.utils

from github_standin.errors import ApiError

HOUR_MS = 3600 * 1000
MINUTE_MS = 60 * 1000
SECONDARY = ("You have exceeded a secondary rate limit. Please wait a few minutes before you try "
             "again. If you reach out to GitHub Support for help, please include the request ID.")
RESOURCES = ("core", "search", "graphql", "code_search", "source_import", "integration_manifest",
             "actions_runner_registration", "scim", "dependency_snapshots", "dependency_sbom",
             "code_scanning_autofix", "copilot_usage_records")


def resource_of(path):
    if path.startswith("/search/code"):
        return "code_search"
    if path.startswith("/search/"):
        return "search"
    return "graphql" if path == "/graphql" else "core"


class Quota:
    """One caller's quota of one resource."""

    def __init__(self, limit, resource, window_ms):
        self.limit = limit
        self.resource = resource
        self.used = 0
        self.reset_ms = 0
        self.pause_ms = 0  # until then nothing should be sent
        self._window_ms = window_ms

    def roll(self, now_ms):
        if now_ms >= self.reset_ms:
            self.used, self.reset_ms = 0, now_ms + self._window_ms

    @property
    def remaining(self):
        return max(0, self.limit - self.used)

    def headers(self):
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str(int(self.reset_ms // 1000)),
            "X-RateLimit-Resource": self.resource,
        }

    def view(self):
        return {"limit": self.limit, "used": self.used, "remaining": self.remaining,
                "reset": int(self.reset_ms // 1000)}


class Windows:
    """What one caller did lately, for the secondary limits."""

    def __init__(self):
        self.points = collections.deque()  # (at, points, resource)
        self.creations = collections.deque()

    def forget(self, now_ms):
        for window, age in ((self.points, MINUTE_MS), (self.creations, HOUR_MS)):
            while window and window[0][0] <= now_ms - age:
                window.popleft()


class Limits:
    def __init__(self, world):
        self._world = world
        self._quotas = {}
        self._windows = collections.defaultdict(Windows)
        self.in_flight = 0

    def quota(self, key, limit, resource):
        """`limit`: the caller's own of the core resource, or None for the configured one."""
        config = self._world.config
        if (key, resource) not in self._quotas:
            limits = {"search": config["search_limit"], "graphql": config["graphql_limit"],
                      "code_search": 10}
            usual = config["limit"] if key else config["anonymous_limit"]
            most = limits.get(resource) or (usual if limit is None else limit)
            window = MINUTE_MS if resource in ("search", "code_search") else HOUR_MS
            self._quotas[key, resource] = Quota(most, resource, window)
        quota = self._quotas[key, resource]
        quota.roll(self._world.clock.now_ms())
        return quota

    def overview(self, key, limit):
        return {name: self.quota(key, limit, name).view() for name in RESOURCES}

    def admit(self, key, quota, method, creates):
        """Raises 403 if a limit is reached; else books the points (not yet the charge)."""
        config, now = self._world.config, self._world.clock.now_ms()
        if quota.remaining == 0:
            raise primary(quota, config["limit_status"])
        windows = self._windows[key]
        windows.forget(now)
        graphql = quota.resource == "graphql"
        points = 1 if graphql or method in ("GET", "HEAD", "OPTIONS") else 5
        most = 2000 if graphql else config["points_per_minute"]
        spent = sum(p for _, p, g in windows.points if g == graphql)
        lately = sum(1 for at, in windows.creations if at > now - MINUTE_MS)
        if (self.in_flight > config["concurrent"] or spent + points > most
                or (creates and (lately >= config["creations_per_minute"]
                                 or len(windows.creations) >= config["creations_per_hour"]))):
            raise secondary(60)
        windows.points.append((now, points, graphql))
        if creates:
            windows.creations.append((now,))

    def spend_all(self, quota):
        quota.used = quota.limit

    def note_answer(self, quota, answer):
        """A limit's answer starts a pause."""
        now = self._world.clock.now_ms()
        words = str(answer.body)
        if answer.status not in (403, 429) or not ("rate limit" in words or "abuse" in words):
            return
        after = str(answer.headers.get("Retry-After", ""))
        if after.isdigit():
            until = now + int(after) * 1000
        elif after:
            until = email.utils.parsedate_to_datetime(after).timestamp() * 1000
        else:
            until = quota.reset_ms if quota.remaining == 0 else now + MINUTE_MS
        quota.pause_ms = max(quota.pause_ms, until)


def primary(quota, status=403):
    return ApiError(status, "API rate limit exceeded for this token. If you reach out to GitHub "
                            "Support for help, please include the request ID.",
                    headers=quota.headers())


def secondary(retry_after, status=403, message=None):
    return ApiError(status, message or SECONDARY,
                    headers={"Retry-After": str(retry_after)} if retry_after else {})
