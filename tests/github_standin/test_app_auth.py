"""Apps: JWT rules, installation tokens, their permissions and their end."""

import base64
import json
import re
import subprocess
import tempfile

from github_standin.app_auth import new_key
from github_standin.testing import DISPATCHES, REPO, Receiver, StandinTest

HOME = f"/repos/{REPO}"
TOKENS = "/app/installations/77/access_tokens"


def encode(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class AppTest(StandinTest):
    @classmethod
    def setUpClass(cls):
        cls.key = new_key("pkcs1")
        cls.other_key = new_key("pkcs8")

    def setUp(self):
        super().setUp()
        self.script(global_start_release={"dispatch": {}})
        self.github.admin("POST", "/script", {
            "apps": {"Iv23x": {"id": 4711, "private_key": self.key, "installations": [
                {"id": 77, "account": "kestra-io", "limit": 12500,
                 "permissions": {"actions": "write", "contents": "read"}}]}},
            "repositories": {"kestra-io/other": {}, "acme/far": {}}})
        self.now = 1_800_000_000

    def jwt(self, key=None, head=None, **claims):
        claims = dict({"iat": self.now - 60, "exp": self.now + 530, "iss": "Iv23x"}, **claims)
        claims = {k: v for k, v in claims.items() if v is not None}
        signed = encode(head or {"alg": "RS256", "typ": "JWT"}) + "." + encode(claims)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(key or self.key)
            file.flush()
            done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", file.name],
                                  input=signed.encode(), capture_output=True, check=True)
        return signed + "." + encode(done.stdout)

    def token(self, body=None, **headers):
        reply = self.github.post(TOKENS, body, token=self.jwt(), **headers)
        self.assertEqual(reply.status, 201, reply.raw)
        return reply.json

    def test_a_signed_jwt_buys_a_token_of_today_s_form(self):
        made = self.token()
        self.assertRegex(made["token"], r"^ghs_4711_[A-Za-z0-9_.-]+$")
        self.assertEqual(made["token"].count("."), 2)
        self.assertTrue(480 < len(made["token"]) < 600, len(made["token"]))
        self.assertEqual(made["expires_at"], "2027-01-15T09:00:00Z")
        self.assertNotEqual(made["token"], self.token()["token"])
        self.assertRegex(self.token(X_GitHub_Stateless_S2S_Token="disabled")["token"],
                         r"^ghs_[0-9a-f]{36}$")

    def test_what_is_wrong_with_a_jwt_is_said(self):
        wrong = {
            "could not be decoded": [self.jwt(key=self.other_key), "ey.x.y", "nonsense",
                                     self.jwt(head={"alg": "HS256"})],
            "'iat'": [self.jwt(iat=self.now + 30), self.jwt(iat=None), self.jwt(iat="1")],
            "'exp'": [self.jwt(exp=self.now), self.jwt(exp=None)],
            "too far in the future": [self.jwt(exp=self.now + 601)],
            "'iss'": [self.jwt(iss=None)], "not found": [self.jwt(iss="Iv00")],
        }
        for words, tokens in wrong.items():
            for token in tokens:
                reply = self.github.post(TOKENS, token=token)
                self.assertEqual(reply.status, 401, words)
                self.assertIn(words, reply.json["message"])
        self.assertEqual(self.github.post(TOKENS, token=self.jwt(iss="4711")).status, 201)

    def test_a_jwt_is_for_the_app_and_a_token_for_the_rest(self):
        self.assertEqual(self.github.get(HOME, token=self.jwt()).status, 401)
        self.assertEqual(self.github.get("/app", token=self.token()["token"]).status, 401)
        self.assertEqual(self.github.get("/app", token=self.jwt()).json["id"], 4711)
        found = self.github.get(f"{HOME}/installation", token=self.jwt())
        self.assertEqual(found.json["id"], 77)
        self.assertEqual(self.github.get("/repos/acme/far/installation",
                                         token=self.jwt()).status, 404)
        self.assertEqual(self.github.get(HOME, token="ghs_unknown").status, 401)

    def test_permissions(self):
        token = self.token()["token"]
        self.assertEqual(self.github.post(DISPATCHES, {"ref": "develop"}, token=token).status, 204)
        self.assertEqual(self.github.get(f"{HOME}/git/ref/heads/develop", token=token).status, 200)
        for method, path, needed in (("POST", "/git/refs", "contents=write"),
                                     ("GET", "/pulls", "pull_requests=read"),
                                     ("PUT", "/pulls/1/merge", "contents=write"),
                                     ("GET", "/commits/develop/check-runs", "checks=read"),
                                     ("POST", "/actions/runs/1/pending_deployments",
                                      "deployments=write")):
            reply = self.github.send(method, HOME + path, {}, token=token)
            self.assertEqual(reply.status, 403, path)
            self.assertEqual(reply.json["message"], "Resource not accessible by integration")
            self.assertEqual(reply.headers["X-Accepted-GitHub-Permissions"], needed)

    def test_a_token_may_be_narrowed_but_not_widened(self):
        made = self.token({"repositories": ["other"], "permissions": {"actions": "read"}})
        self.assertEqual([r["full_name"] for r in made["repositories"]], ["kestra-io/other"])
        reply = self.github.post(DISPATCHES, {"ref": "develop"}, token=made["token"])
        self.assertEqual(reply.status, 404)  # not among its repositories
        for body in ({"permissions": {"contents": "write"}}, {"repositories": ["far"]},
                     {"permissions": {"issues": "read"}}, {"nonsense": 1}):
            self.assertEqual(self.github.post(TOKENS, body, token=self.jwt()).status, 422, body)

    def test_a_token_sees_its_repositories_only(self):
        made = self.token({"repositories": ["other"]})
        self.assertEqual(self.github.get("/repos/kestra-io/other", token=made["token"]).status, 200)
        self.assertEqual(self.github.get(HOME, token=made["token"]).status, 404)
        self.assertEqual(self.github.get("/repos/acme/far", token=self.token()["token"]).status, 404)

    def test_a_token_ends_after_an_hour_or_when_told(self):
        token = self.token()["token"]
        self.advance(3599 * 1000)
        self.assertEqual(self.github.get(HOME, token=token).status, 200)
        self.advance(1000)
        self.assertEqual(self.github.get(HOME, token=token).status, 401)
        self.now += 3600
        token = self.token()["token"]
        self.github.admin("POST", "/tokens/expire")
        self.assertEqual(self.github.get(HOME, token=token).status, 401)

    def test_tokens_of_an_installation_share_its_quota_but_no_etag(self):
        one, two = self.token()["token"], self.token()["token"]
        first = self.github.get(HOME, token=one)
        self.assertEqual(first.headers["X-RateLimit-Limit"], "12500")
        second = self.github.get(HOME, token=two, If_None_Match=first.headers["ETag"])
        self.assertEqual((second.status, second.headers["X-RateLimit-Used"]), (200, "2"))

    def test_an_app_has_a_hook_with_its_own_log(self):
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        self.github.admin("POST", "/script", {"apps": {"Iv23x": {
            "id": 4711, "private_key": self.key, "hook": {"url": receiver.url, "secret": "s"},
            "installations": [{"id": 77, "account": "kestra-io"}]}}})
        self.github.post(DISPATCHES, {"ref": "develop"})
        self.github.admin("GET", "/deliveries?wait_ms=5000")
        self.assertEqual(json.loads(receiver.got[0][1])["installation"]["id"], 77)
        headers = receiver.got[0][0]
        self.assertEqual(headers["X-GitHub-Hook-Installation-Target-Type"], "integration")
        log = self.github.get("/app/hook/deliveries?per_page=1", token=self.jwt())
        self.assertEqual((log.status, len(log.json)), (200, 1))
        self.assertIn("cursor=", log.headers["Link"])
        path = f"/app/hook/deliveries/{log.json[0]['id']}"
        self.assertEqual(self.github.get(path, token=self.jwt()).json["guid"], log.json[0]["guid"])
        self.assertEqual(self.github.post(f"{path}/attempts", token=self.jwt()).status, 202)
        self.github.admin("GET", "/deliveries?wait_ms=5000")
        self.assertEqual(receiver.got[-1][0]["X-GitHub-Delivery"], log.json[0]["guid"])

    def test_an_app_can_be_made_with_a_new_key(self):
        made = self.github.admin("POST", "/apps", {"client_id": "Iv9", "id": 9, "form": "pkcs8"})
        self.assertTrue(made["private_key"].startswith("-----BEGIN PRIVATE KEY-----"))
        self.assertTrue(re.match(r"-----BEGIN RSA PRIVATE KEY-----", self.key))
        reply = self.github.get("/app", token=self.jwt(key=made["private_key"], iss="Iv9"))
        self.assertEqual(reply.status, 200)
