"""Webhooks: what is sent, signed how, and what can go wrong on the way; redelivery."""

import hashlib
import hmac
import json

from github_standin.testing import DISPATCHES, REPO, RUNS, Receiver, StandinTest
from github_standin.webhooks import sign

HOME = f"/repos/{REPO}"
SECRET = "It's a Secret to Everybody"


class WebhookTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.stop)
        self.script(main={"plan": {}, "dispatch": {}}, global_start_release={"dispatch": {}})

    def hook(self, *events, **spec):
        return self.github.admin("POST", "/hooks", dict(
            {"url": self.receiver.url, "secret": SECRET, "events": list(events) or ["*"]},
            **spec))["id"]

    def fault(self, **spec):
        self.github.admin("POST", "/delivery-faults", spec)

    def sent(self):
        return self.github.admin("GET", "/deliveries?wait_ms=5000")

    def test_the_signature_is_the_documented_one(self):
        self.assertEqual(sign(SECRET, b"Hello, World!"),
                         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")

    def test_headers_and_signature_of_a_delivery(self):
        hook = self.hook("workflow_run")
        self.start(workflow="main.yml", plan={"reads": "never"})
        self.sent()
        (headers, raw), = self.receiver.got
        self.assertEqual(headers["X-GitHub-Event"], "workflow_run")
        self.assertRegex(headers["X-GitHub-Delivery"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(headers["X-GitHub-Hook-ID"], str(hook))
        self.assertTrue(headers["User-Agent"].startswith("GitHub-Hookshot/"))
        digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        self.assertEqual(headers["X-Hub-Signature-256"], "sha256=" + digest)
        body = json.loads(raw)
        self.assertEqual(body["repository"]["full_name"], REPO)
        self.assertEqual(body["workflow_run"]["path"], ".github/workflows/main.yml")
        self.assertTrue({"organization", "sender", "workflow"} <= set(body))

    def test_the_life_of_a_run_is_told_in_order(self):
        self.hook("workflow_run", "workflow_job")
        run = self.start(workflow="main.yml", plan={"ms": 1000})
        self.advance(500)
        self.advance(500)
        self.sent()
        self.assertEqual(self.receiver.events(), [
            ("workflow_run", "requested"), ("workflow_job", "queued"),
            ("workflow_run", "in_progress"), ("workflow_job", "in_progress"),
            ("workflow_job", "completed"), ("workflow_run", "completed")])
        last = json.loads(self.receiver.got[-1][1])["workflow_run"]
        self.assertEqual((last["id"], last["conclusion"], last["run_attempt"]), (run, "success", 1))
        self.github.post(f"{RUNS}/{run}/rerun")
        self.sent()
        again = json.loads(self.receiver.got[6][1])
        self.assertEqual((again["action"], again["workflow_run"]["run_attempt"]), ("requested", 2))

    def test_a_startup_failure_is_told_nobody(self):
        self.hook()
        self.start(workflow="main.yml", plan={"conclusions": ["startup_failure"]})
        self.assertEqual(self.sent(), [])

    def test_what_happens_to_a_repository_is_told(self):
        self.hook("push", "create", "pull_request", "release", "workflow_dispatch", "check_run")
        sha = self.github.get(f"{HOME}/git/ref/heads/develop").json["object"]["sha"]
        self.github.post(f"{HOME}/git/refs", {"ref": "refs/tags/v9", "sha": sha})
        self.github.send("PUT", f"{HOME}/contents/x", {"message": "m", "content": ""})
        self.github.post(f"{HOME}/git/refs", {"ref": "refs/heads/old", "sha": sha})
        self.github.post(f"{HOME}/releases", {"tag_name": "v9"})
        self.github.post(f"{HOME}/pulls", {"title": "t", "head": "develop", "base": "old"})
        self.github.send("PUT", f"{HOME}/pulls/1/merge", {})
        self.github.post(DISPATCHES, {"ref": "develop"})
        self.sent()
        self.assertEqual(self.receiver.events(), [
            ("create", None), ("push", None), ("push", None), ("create", None), ("push", None),
            ("release", "created"), ("release", "published"), ("release", "released"),
            ("pull_request", "opened"), ("push", None), ("pull_request", "closed"),
            ("check_run", "created"), ("check_run", "completed"), ("workflow_dispatch", None)])
        tag, push = (json.loads(raw) for _, raw in self.receiver.got[1:3])
        self.assertEqual((tag["ref"], tag["created"], tag["before"]),
                         ("refs/tags/v9", True, "0" * 40))
        self.assertEqual((push["commits"][0]["added"], push["created"]), (["x"], False))

    def test_faults_of_deliveries(self):
        self.hook("workflow_run")
        for kind, counts in (("lose", (2, 2)), ("drop", (2, 3)), ("duplicate", (4, 4)),
                             ("bad_signature", (3, 3)), ("no_signature", (3, 3)),
                             ("null_subject", (3, 3)), ("corrupt", (3, 3)), ("delay", (3, 3))):
            self.receiver.got.clear()
            before = len(self.sent())
            self.fault(event="workflow_run", action="completed", kind=kind, ms=50)
            self.start(workflow="main.yml")
            logged = self.sent()[before:]
            self.assertEqual((len(self.receiver.got), len(logged)), counts, kind)
            if kind == "duplicate":
                self.assertEqual(len({h["X-GitHub-Delivery"] for h, _ in self.receiver.got}), 3)
            if kind in ("bad_signature", "corrupt", "no_signature"):
                headers, raw = self.receiver.got[-1]
                self.assertNotEqual(headers.get("X-Hub-Signature-256"), sign(SECRET, raw), kind)
            if kind == "null_subject":
                self.assertIsNone(json.loads(self.receiver.got[-1][1])["workflow_run"])

    def test_deliveries_may_come_out_of_order(self):
        self.hook("workflow_run")
        self.fault(event="workflow_run", action="in_progress", kind="reorder")
        self.start(workflow="main.yml")
        self.sent()
        self.assertEqual([a for _, a in self.receiver.events()],
                         ["requested", "completed", "in_progress"])

    def test_failed_deliveries_are_logged_and_sent_again_with_the_same_guid(self):
        self.receiver.statuses = [503, 200]
        hook = self.hook("workflow_run", repository=REPO)
        self.start(workflow="main.yml", plan={"reads": "never"})
        self.sent()
        path = f"{HOME}/hooks/{hook}/deliveries"
        failed = self.github.get(path + "?status=failure").json
        self.assertEqual([(d["status_code"], d["event"], d["action"]) for d in failed],
                         [(503, "workflow_run", "requested")])
        whole = self.github.get(f"{path}/{failed[0]['id']}").json
        self.assertEqual(whole["request"]["payload"]["action"], "requested")
        reply = self.github.post(f"{path}/{failed[0]['id']}/attempts")
        self.assertEqual(reply.status, 202)
        self.sent()
        newest = self.github.get(path).json[0]
        self.assertEqual((newest["guid"], newest["redelivery"], newest["status_code"]),
                         (failed[0]["guid"], True, 200))
        self.assertEqual(self.receiver.got[0][1], self.receiver.got[1][1])
        self.advance(4 * 24 * 3600 * 1000)
        self.assertEqual(self.github.get(path).json, [])

    def test_the_log_is_paged_by_cursor(self):
        hook = self.hook("workflow_run", repository=REPO)
        self.start(workflow="main.yml")
        self.sent()
        target, seen = f"{HOME}/hooks/{hook}/deliveries?per_page=2", []
        while target:
            reply = self.github.get(target)
            seen += [d["action"] for d in reply.json]
            link = reply.headers.get("Link") or ""
            target = "/" + link.split("/", 3)[3].split(">")[0] if link else None
        self.assertEqual(seen, ["completed", "in_progress", "requested"])

    def test_the_app_s_log_wants_its_jwt(self):
        self.assertEqual(self.github.get("/app/hook/deliveries").status, 401)

    def test_a_receiver_that_is_down_is_a_failure(self):
        self.hook("workflow_run", url="http://127.0.0.1:9/")
        self.start(workflow="main.yml", plan={"reads": "never"})
        self.assertEqual([d["status"] for d in self.sent()], ["failed to connect to host"])

    def test_nothing_leaves_this_machine(self):
        for url in ("http://example.org/", "https://127.0.0.1/", "http://10.0.0.1/"):
            reply = self.github.post("/_admin/hooks", {"url": url})
            self.assertEqual(reply.status, 422, url)

    def test_a_hook_can_be_made_over_the_interface(self):
        made = self.github.post(f"{HOME}/hooks", {"config": {
            "url": self.receiver.url, "secret": SECRET, "content_type": "json"},
            "events": ["workflow_run"]})
        self.assertEqual((made.status, made.json["config"]["secret"]), (201, "********"))
        self.start(workflow="main.yml", plan={"reads": "never"})
        self.sent()
        self.assertEqual(self.receiver.events(), [("ping", None), ("workflow_run", "requested")])

    def test_a_scripted_check_is_told_by_the_clock(self):
        self.hook("check_run")
        self.github.admin("POST", "/script", {"repositories": {REPO: {"checks": [
            {"name": "late", "appear_ms": 1000, "ms": 1000}]}}})
        for _ in range(2):
            self.advance(1000)
        self.sent()
        self.assertEqual(self.receiver.events(), [("check_run", "created"),
                                                  ("check_run", "completed")])

    def test_one_by_hand(self):
        self.hook()
        self.github.admin("POST", "/deliveries", {"event": "workflow_job", "repository": REPO,
                                                  "payload": {"action": "queued"}})
        self.sent()
        self.assertEqual(self.receiver.events(), [("workflow_job", "queued")])
