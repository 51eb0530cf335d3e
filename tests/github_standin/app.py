"""One request in, one answer out: auth, faults, limits, the handler, ETag. Knows no socket.

Order, as at GitHub: user agent, API version, credentials, limits, then the resource.
Charged: every answer to a request that passed auth, but /rate_limit and a 304 to a token.
"""

import hashlib
import json
import time

from github_standin import actions, admin, graphql, repos
from github_standin.auth import authenticate, fingerprint, may_see, may_write
from github_standin.errors import ApiError, not_found
from github_standin.faults import Faults
from github_standin.http_types import Answer, Router
from github_standin.journal import Journal
from github_standin.limits import Limits, primary, secondary
from github_standin.world import World

VERSIONS = ("2022-11-28", "2026-03-10")
PRETTY_AGENTS = ("curl", "wget", "safari", "firefox")


class Reset(Exception):
    """The connection is to be closed with a RST instead of an answer."""


class App:
    def __init__(self, clock=None, log=None):
        self.world = World(clock)
        self.faults = Faults()
        self.journal = Journal(log)
        self.limits = Limits(self.world)
        self._router = Router()
        for room in (actions, repos, graphql):
            self._router.extend(room.router)

    def handle(self, request):
        """The answer, its body as bytes in `raw`. Raises Reset."""
        if request.path.startswith("/_admin"):
            return self._admin(request)
        with self.world.lock:
            self.limits.in_flight += 1
            struck = self.faults.take(request.method, request.path)
        try:
            for fault in struck:
                if fault.kind == "delay":
                    time.sleep(fault.spec.get("ms", 0) / 1000)
            with self.world.lock:
                return self._serve(request, next((f for f in struck if f.kind != "delay"), None))
        finally:
            with self.world.lock:
                self.limits.in_flight -= 1

    def _admin(self, request):
        with self.world.lock:
            try:
                handler, found, *_ = admin.router.find(request.method, request.path)
                answer = handler(self, request, **found)
            except ApiError as error:
                answer = Answer(error.status, error.body())
        return _encode(answer, pretty=True)

    def _serve(self, request, fault):
        entry = {"t": round(self.world.clock.now_ms()), "method": request.method,
                 "path": request.path, "query": request.query, "route": "none", "charged": False,
                 "fault": fault.kind if fault else None, "status": 0, "token": None}
        try:
            answer = self._guarded(request, fault, entry)
            entry["status"] = answer.status
            return answer
        finally:
            entry["token"] = fingerprint(request.token)
            self.journal.note(entry)

    def _guarded(self, request, fault, entry):
        quota = None
        try:
            self._check_headers(request)
            authenticate(self.world.config, request)
            quota = self.limits.quota(request.token)
            if request.path == "/rate_limit":
                return self._finish(request, self._rate_limit(request, quota), quota, entry)
            answer = self._routed(request, fault, quota, entry)
        except ApiError as error:
            answer = Answer(error.status, error.body(), error.headers)
        return self._finish(request, answer, quota, entry)

    def _routed(self, request, fault, quota, entry):
        path, repo = self._repository(request)
        handler, found, creates, writes, entry["route"] = self._router.find(request.method, path)
        self.limits.admit(quota, request.method, creates)
        entry["charged"] = True
        if fault and not fault.effect:
            return self._strike(fault, quota, entry)
        if "repo" in found:
            if repo is None:
                raise not_found()
            may_see(self.world.config, request, repo)
            found["repo"] = repo
        if writes:
            may_write(self.world.config, request)
        self.world.settle(repo if request.method == "GET" else None)
        answer = handler(self.world, request, **found)
        return self._strike(fault, quota, entry) if fault else answer

    def _repository(self, request):
        """(path with owner and name, repository): /repositories/{id} is the same resource."""
        parts = request.path.strip("/").split("/")
        if parts[0] == "repositories" and len(parts) > 1:
            for repo in self.world.repositories.values():
                if str(repo.id) == parts[1]:
                    return "/repos/" + "/".join([repo.full_name] + parts[2:]), repo
            raise not_found()
        if parts[0] == "repos" and len(parts) > 2:
            return request.path, self.world.repository("/".join(parts[1:3]))
        return request.path, None

    def _check_headers(self, request):
        if not request.headers.get("user-agent"):
            raise ApiError(403, "Request forbidden by administrative rules. Please make sure your "
                                "request has a User-Agent header.")
        version = request.headers.get("x-github-api-version")
        known = VERSIONS if self.world.config["api"] == "github" else VERSIONS[:1]
        if version is not None and version not in known:
            raise ApiError(400, f'"{version}" is not a supported API version.')

    def _rate_limit(self, request, quota):
        body = {"resources": {"core": quota.view()}}
        if request.headers.get("x-github-api-version") != VERSIONS[1]:
            body["rate"] = quota.view()
        return Answer(200, body)

    def _strike(self, fault, quota, entry):
        spec = fault.spec
        if fault.kind == "reset":
            raise Reset()
        if fault.kind == "primary":
            self.limits.spend_all(quota)
            entry["charged"] = False
            raise primary(quota)
        if fault.kind == "secondary":
            raise secondary(spec.get("retry_after", 60), spec.get("status", 403))
        if fault.kind == "garbage":
            return Answer(200, raw=b"<html>unicorn</html>", headers={"Content-Type": "text/html"})
        raise ApiError(spec.get("status", 502), spec.get("message", "Server Error"),
                       headers=spec.get("headers"))

    def _finish(self, request, answer, quota, entry):
        version = request.headers.get("x-github-api-version", VERSIONS[0])
        agent = request.headers.get("user-agent", "").lower()
        _encode(answer, pretty=any(name in agent for name in PRETTY_AGENTS))
        if request.method == "GET" and answer.status == 200 and answer.body is not None:
            tag = etag(request, answer.raw)
            answer.headers["ETag"] = f'W/"{tag}"'
            if tag in request.headers.get("if-none-match", ""):
                answer.status, answer.raw = 304, b""
                answer.headers.pop("Content-Type", None)
                entry["charged"] = entry["charged"] and not request.token
        if entry["charged"]:
            quota.used += 1
        if quota is not None:
            answer.headers.update(quota.headers())
        answer.headers.setdefault("X-GitHub-Request-Id", f"STAND:{len(self.journal.entries) + 1}")
        answer.headers["X-GitHub-Api-Version-Selected"] = version
        answer.headers["Vary"] = "Accept, Authorization, Cookie"
        answer.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        return answer


def etag(request, raw):
    """GitHub's rule as far as known: it depends on the token, not only on the body."""
    digest = hashlib.sha256()
    for name in ("accept", "authorization", "cookie"):
        digest.update(request.headers.get(name, "").encode() + b":")
    digest.update(raw)
    return digest.hexdigest()


def _encode(answer, pretty):
    if answer.raw is None:
        answer.raw = b""
        if answer.body is not None:
            text = json.dumps(answer.body, indent=2 if pretty else None, ensure_ascii=False)
            answer.raw = text.encode() + (b"\n" if pretty else b"")
            answer.headers["Content-Type"] = "application/json; charset=utf-8"
    return answer
