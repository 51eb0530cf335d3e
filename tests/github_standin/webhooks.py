"""Webhooks: who is told what, and the deliveries with their log. Sends to loopback only.

A hook: {url, secret, events (default ["*"]), repository (none: the hook of an App), active, app}.
Faults of deliveries, {"event", "action", "skip", "times" (default 1, 0: for ever), "kind", "chance" and
"seed" (faults.py), ...}:
  drop           is not sent, the log says that it failed     lose  not sent, not in the log
  delay          is sent `ms` of real time later              duplicate  is sent `count` times more
  reorder        is sent after the next one                   corrupt    body altered once signed
  bad_signature, no_signature                                 null_subject  `workflow_job: null`
Threads: one a hook sends in order; `Hooks` is otherwise used under World.lock.
"""

import hashlib
import hmac
import http.client
import ipaddress
import json
import threading
import time
import urllib.parse
import uuid

from github_standin import payloads
from github_standin.errors import ApiError
from github_standin.faults import Turns, check

KINDS = ("drop", "lose", "delay", "duplicate", "reorder", "corrupt", "bad_signature",
         "no_signature", "null_subject")
KEYS = {"event", "action", "skip", "times", "kind", "ms", "count", "chance", "seed"}
HOOK_KEYS = {"url", "secret", "events", "repository", "active", "app", "content_type"}
WINDOW_MS = 3 * 24 * 3600 * 1000
HOLD_S = 2.0


def sign(secret, raw):
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def check_url(url):
    """422 for anything but plain HTTP to this machine."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if parts.scheme != "http" or not local:
        raise ApiError(422, f"hook: the stand-in sends to http:// and loopback only, not to {url}")
    return parts


class Delivery:
    def __init__(self, delivery_id, hook, event, action, repo_id, raw, now_ms, guid=None):
        self.id = delivery_id
        self.guid = guid or str(uuid.uuid4())
        self.hook = hook
        self.event = event
        self.action = action
        self.repository_id = repo_id
        self.raw = raw
        self.at_ms = now_ms
        self.redelivery = False
        self.faults = set()
        self.duration = 0.0
        self.status = "pending"
        self.status_code = 0
        self.headers = {}
        self.answer_headers = {}
        self.answer = ""

    @property
    def failed(self):
        return not 200 <= self.status_code < 400


class Hook:
    """One receiver, with the thread that sends to it."""

    def __init__(self, hook_id, spec, timeout_s):
        unknown = sorted(set(spec) - HOOK_KEYS)
        if unknown:
            raise ApiError(422, f"hook: unknown {', '.join(unknown)}")
        self.id = hook_id
        self.url = check_url(spec["url"])
        self.secret = spec.get("secret", "")
        self.events = list(spec.get("events", ["*"]))
        self.repository = spec.get("repository")
        self.app = spec.get("app")
        self.active = spec.get("active", True)
        self.held = []
        self._timeout_s = timeout_s
        self._queue = []  # [(due, number, delivery)]
        self._number = 0
        self._busy = False
        self._changed = threading.Condition()
        self._thread = None

    def wants(self, event, repo):
        return (self.active and ("*" in self.events or event in self.events)
                and self.repository in (None, repo.full_name))

    def put(self, delivery, delay_s=0.0):
        with self._changed:
            self._number += 1
            self._queue.append((time.monotonic() + delay_s, self._number, delivery))
            self._queue.sort(key=lambda item: item[:2])
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def idle(self, timeout_s):
        """True once nothing is to be sent any more."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout_s)

    def _run(self):
        while True:
            with self._changed:
                while not self._queue or self._queue[0][0] > time.monotonic():
                    left = self._queue[0][0] - time.monotonic() if self._queue else None
                    self._changed.wait(left)
                delivery = self._queue.pop(0)[2]
                self._busy = True
            self._send(delivery)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _send(self, delivery):
        raw = delivery.raw
        signature = sign(self.secret, raw)
        if "bad_signature" in delivery.faults:
            signature = sign(self.secret + "x", raw)
        if "corrupt" in delivery.faults:
            raw = raw.replace(b"{", b"{ ", 1)
        headers = {
            "Accept": "*/*", "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/5dd1c58", "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event, "X-GitHub-Hook-ID": str(self.id),
            "X-GitHub-Hook-Installation-Target-ID": str(self.app or delivery.repository_id),
            "X-GitHub-Hook-Installation-Target-Type": "integration" if self.app else "repository",
        }
        if self.secret and "no_signature" not in delivery.faults:
            headers["X-Hub-Signature-256"] = signature
        delivery.headers = headers
        began = time.monotonic()
        link = http.client.HTTPConnection(self.url.hostname, self.url.port or 80,
                                          timeout=self._timeout_s)
        try:
            target = (self.url.path or "/") + (f"?{self.url.query}" if self.url.query else "")
            link.request("POST", target, raw, headers)
            answer = link.getresponse()
            delivery.answer = answer.read(65536).decode(errors="replace")
            delivery.answer_headers = dict(answer.headers)
            delivery.status_code = answer.status
            delivery.status = answer.reason or "OK"
            if delivery.failed:
                delivery.status = f"Invalid HTTP Response: {answer.status}"
        except TimeoutError:
            delivery.status = "timed out"
        except (OSError, http.client.HTTPException):
            delivery.status = "failed to connect to host"
        finally:
            link.close()
            delivery.duration = round(time.monotonic() - began, 3)


class DeliveryFault:
    def __init__(self, spec):
        check("delivery fault", spec, KINDS, KEYS)
        self.spec = spec
        self._turns = Turns(spec)

    def strikes(self, event, action):
        fits = self.spec.get("event") in (None, event) and self.spec.get("action") in (None, action)
        return fits and not self._turns.spent() and self._turns.take()


class Hooks:
    def __init__(self, world):
        self._world = world
        self.hooks = {}
        self.deliveries = []
        self.faults = []
        world.listener = self.fire

    def add(self, spec):
        hook = Hook(self._world.next_id(), spec, self._world.config["hook_timeout_ms"] / 1000)
        self.hooks[hook.id] = hook
        return hook

    def fire(self, event, action, repo, subject):
        receivers = [h for h in self.hooks.values() if h.wants(event, repo)]
        if not receivers:
            return
        payload = payloads.build(event, action, repo, subject, self._world.base)
        for hook in receivers:
            shown = dict(payload)
            installation = self._installation(hook, repo)
            if installation:
                shown["installation"] = {"id": installation, "node_id": "I_1"}
            self.deliver(hook, event, action, repo.id, shown)

    def deliver(self, hook, event, action, repo_id, payload):
        struck = [f for f in self.faults if f.strikes(event, action)]
        kinds = {f.spec["kind"] for f in struck}
        if "lose" in kinds:
            return None
        if "null_subject" in kinds:
            payload = dict(payload, **{event: None})
        raw = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        made = self._make(hook, event, action, repo_id, raw)
        made.faults = kinds
        if "drop" in kinds:
            made.status = "timed out"
            return made
        delay_s = sum(f.spec.get("ms", 0) for f in struck if f.spec["kind"] == "delay") / 1000
        if "reorder" in kinds:
            hook.held.append(made)
            timer = threading.Timer(HOLD_S, self._release, (hook, made))
            timer.daemon = True
            timer.start()
            return made
        hook.put(made, delay_s)
        for fault in struck:
            if fault.spec["kind"] == "duplicate":
                for _ in range(fault.spec.get("count", 1)):
                    hook.put(self._make(hook, event, action, repo_id, raw, made.guid), delay_s)
        for held in list(hook.held):
            self._release(hook, held, delay_s)
        return made

    def redeliver(self, old):
        """The same GUID and body again, signed anew."""
        made = self._make(old.hook, old.event, old.action, old.repository_id, old.raw, old.guid)
        made.redelivery = True
        old.hook.put(made)
        return made

    def wait_idle(self, timeout_s):
        """Not under the lock. True once every hook has sent what it had."""
        end = time.monotonic() + timeout_s
        return all(h.idle(max(0.0, end - time.monotonic())) for h in list(self.hooks.values()))

    def log(self, hook_filter):
        """The deliveries of the last three days, newest first."""
        since = self._world.clock.now_ms() - WINDOW_MS
        return [d for d in reversed(self.deliveries) if hook_filter(d.hook) and d.at_ms >= since]

    def _release(self, hook, held, delay_s=0.0):
        if held in hook.held:
            hook.held.remove(held)
            hook.put(held, delay_s)

    def _make(self, hook, event, action, repo_id, raw, guid=None):
        made = Delivery(self._world.next_id(), hook, event, action, repo_id, raw,
                        self._world.clock.now_ms(), guid)
        self.deliveries.append(made)
        return made

    def _installation(self, hook, repo):
        app = next((a for a in self._world.apps.values() if a.id == hook.app), None)
        if app:
            return next((i["id"] for i in app.installations.values()
                         if i.get("repositories") is None or repo.full_name in i["repositories"]),
                        None)
        return None
