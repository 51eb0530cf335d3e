"""One request in, one answer out: auth, faults, limits, the handler, ETag. Knows no socket.

Order, as at GitHub: user agent, API version, credentials, limits, then the resource.
Charged: every answer to a request that passed auth, but /rate_limit and a 304 to a token.
"""

import hashlib
import json
import time

from github_standin import (actions, admin, app_auth, artifacts, blobs, checks, contents,
                            deployments, dispatches, graphql, hook_api, issues, pulls, refs,
                            releases, repos, search)
from github_standin.auth import authenticate, fingerprint, may_act, may_see, quota_key
from github_standin.errors import ApiError, not_found
from github_standin.faults import Faults
from github_standin.http_types import Answer, Router
from github_standin.journal import Journal
from github_standin.limits import Limits, primary, resource_of, secondary
from github_standin.webhooks import Hooks
from github_standin.world import World

VERSIONS = ("2022-11-28", "2026-03-10")
PRETTY_AGENTS = ("curl", "wget", "safari", "firefox")
# Those with more to their paths come first: /commits/{ref}/status before /commits/{ref...}.
ROOMS = (app_auth, hook_api, actions, artifacts, deployments, checks, refs, contents, pulls, issues,
         releases, search, dispatches, repos, graphql)


class Reset(Exception):
    """The connection is to be closed with a RST instead of an answer."""


class App:
    def __init__(self, clock=None, log=None):
        self.world = World(clock)
        self.faults = Faults()
        self.journal = Journal(log)
        self.limits = Limits(self.world)
        self.hooks = self.world.hooks = Hooks(self.world)
        self._router = Router()
        for room in ROOMS:
            self._router.extend(room.router)

    def handle(self, request):
        """The answer, its body as bytes in `raw`. Raises Reset."""
        if request.path.startswith("/_admin"):
            return self._admin(request)
        if request.path.startswith(blobs.PREFIX):
            with self.world.lock:
                return blobs.serve(self.world, request)
        with self.world.lock:
            self.limits.in_flight += 1
            struck = self.faults.take(request.method, request.path)
        try:
            _wait(struck, effect=False)
            with self.world.lock:
                answer = self._serve(request, next((f for f in struck if f.kind != "delay"), None))
            _wait(struck, effect=True)
            return answer
        finally:
            with self.world.lock:
                self.limits.in_flight -= 1

    def tick(self):
        with self.world.lock:
            self.world.tick()
            for repo in self.world.repositories.values():
                checks.tick(self.world, repo)

    def _admin(self, request):
        if request.number("wait_ms", 0, 60000):  # for what is sent from threads; without the lock
            self.hooks.wait_idle(request.number("wait_ms", 0, 60000) / 1000)
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
                 "fault": fault.kind if fault else None, "status": 0, "token": None,
                 "agent": request.headers.get("user-agent"), "in_pause": False, "resource": None,
                 "in_flight": self.limits.in_flight}
        try:
            answer = self._guarded(request, fault, entry)
            entry["status"] = answer.status
            return answer
        finally:
            entry["token"] = fingerprint(request.token)
            self.journal.note(entry)

    def _guarded(self, request, fault, entry):
        quota, world = None, self.world
        try:
            self._check_headers(request)
            authenticate(world, request)
            key, limit = quota_key(world, request)
            quota = self.limits.quota(key, limit, resource_of(request.path))
            entry["resource"] = quota.resource
            entry["in_pause"] = world.clock.now_ms() < quota.pause_ms
            if request.path == "/rate_limit":
                entry["in_pause"] = False
                return self._finish(request, self._rate_limit(request, key, limit), quota, entry)
            answer = self._routed(request, fault, (key, quota), entry)
        except ApiError as error:
            answer = Answer(error.status, error.body(), error.headers)
        return self._finish(request, answer, quota, entry)

    def _routed(self, request, fault, caller, entry):
        key, quota = caller
        path, repo = self._repository(request)
        handler, found, creates, writes, entry["route"] = self._router.find(request.method, path)
        self.limits.admit(key, quota, request.method, creates)
        entry["charged"] = True
        if fault and not fault.effect:
            return self._strike(request, fault, quota, entry)
        if "repo" in found:
            if repo is None:
                return self._moved(request)
            may_see(self.world, request, repo)
            found["repo"] = repo
        may_act(self.world, request, path, writes)
        self.world.settle(repo if request.method == "GET" else None)
        answer = handler(self.world, request, **found)
        if fault and fault.kind == "cut":
            answer.cut = True
            return answer
        return self._strike(request, fault, quota, entry) if fault else answer

    def _moved(self, request):
        """A repository that was renamed answers with its number: 301, for writes 307."""
        parts = request.path.strip("/").split("/")
        repo = self.world.renamed("/".join(parts[1:3]))
        if repo is None:
            raise not_found()
        may_see(self.world, request, repo)
        status, words = ((301, "Moved Permanently") if request.method in ("GET", "HEAD")
                         else (307, "Temporary Redirect"))
        url = "/".join([request.base, "repositories", str(repo.id)] + parts[3:])
        url += f"?{request.raw_query}" if request.raw_query else ""
        return Answer(status, {"message": words, "url": url,
                               "documentation_url": "https://docs.github.com/rest"},
                      {"Location": url})

    def _repository(self, request):
        """(path with owner and name, repository): /repositories/{id} is the same resource."""
        parts = request.path.strip("/").split("/")
        if parts[0] == "repositories" and len(parts) > 1:
            for repo in self.world.repositories.values():
                if str(repo.id) == parts[1]:
                    return "/repos/" + "/".join([repo.full_name] + parts[2:]), repo
            raise not_found()
        if parts[0] == "uploads":
            parts = parts[1:]
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

    def _rate_limit(self, request, key, limit):
        body = {"resources": self.limits.overview(key, limit)}
        if request.headers.get("x-github-api-version") != VERSIONS[1]:
            body["rate"] = body["resources"]["core"]
        return Answer(200, body)

    def _strike(self, request, fault, quota, entry):
        spec = fault.spec
        if fault.kind == "reset":
            raise Reset()
        if fault.kind == "primary":
            self.limits.spend_all(quota)
            entry["charged"] = False
            raise primary(quota, spec.get("status", 403))
        if fault.kind == "secondary":
            raise secondary(spec.get("retry_after", 60), spec.get("status", 403),
                            spec.get("message"))
        if fault.kind == "redirect":
            return Answer(spec.get("status", 301), {"message": "Moved"},
                          {"Location": spec["location"].replace("{base}", request.base)})
        if fault.kind == "garbage":
            return Answer(200, raw=b"<html>unicorn</html>", headers={"Content-Type": "text/html"})
        raise ApiError(spec.get("status", 502), spec.get("message", "Server Error"),
                       headers=spec.get("headers"))

    def _finish(self, request, answer, quota, entry):
        version = request.headers.get("x-github-api-version", VERSIONS[0])
        agent = request.headers.get("user-agent", "").lower()
        if quota is not None:
            self.limits.note_answer(quota, answer)
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
        if self.world.config["api"].startswith("ghes-"):
            answer.headers["X-GitHub-Enterprise-Version"] = self.world.config["api"][5:] + ".0"
        answer.headers["Vary"] = "Accept, Authorization, Cookie"
        answer.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        return answer


def _wait(struck, effect):
    for fault in struck:
        if fault.kind == "delay" and fault.effect == effect:
            time.sleep(fault.spec.get("ms", 0) / 1000)


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
