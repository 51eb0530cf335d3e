"""For tests: the stand-in in this process, on a frozen clock, a small client, a webhook receiver."""

import http.client
import http.server
import json
import threading
import unittest

from github_standin.app import App
from github_standin.clock import Clock
from github_standin.server import serve

REPO = "kestra-io/kestra"
RUNS = f"/repos/{REPO}/actions/runs"
DISPATCHES = f"/repos/{REPO}/actions/workflows/global-start-release.yml/dispatches"


class Reply:
    def __init__(self, status, headers, raw):
        self.status = status
        self.headers = headers
        self.raw = raw

    @property
    def json(self):
        return json.loads(self.raw)


class Client:
    def __init__(self, port, token="tok"):
        self._port = port
        self.token = token
        self.base_headers = {"User-Agent": "test", "Accept": "application/vnd.github+json"}

    def send(self, method, target, body=None, token="", **headers):
        """token: None sends none; default is the client's own."""
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        sent = dict(self.base_headers)
        token = self.token if token == "" else token
        if token:
            sent["Authorization"] = f"Bearer {token}"
        sent.update({k.replace("_", "-"): v for k, v in headers.items()})
        sent = {k: v for k, v in sent.items() if v is not None}
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        try:
            link.request(method, target, data, sent)
            answer = link.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            link.close()

    def get(self, target, **kw):
        return self.send("GET", target, **kw)

    def post(self, target, body=None, **kw):
        return self.send("POST", target, body, **kw)

    def admin(self, method, path, body=None):
        reply = self.send(method, "/_admin" + path, body)
        if reply.status >= 300:
            raise AssertionError(f"{path}: {reply.status} {reply.raw!r}")
        return reply.json if reply.raw else None


class Receiver:
    """Takes webhooks: keeps (headers, body) in `got`; answers with `statuses`, the last for ever."""

    def __init__(self):
        self.got = []
        self.statuses = [202]
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), raw))
                status = outer.statuses.pop(0) if len(outer.statuses) > 1 else outer.statuses[0]
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def events(self):
        return [(h["X-GitHub-Event"], json.loads(raw).get("action")) for h, raw in self.got]


class StandinTest(unittest.TestCase):
    """Each test has a stand-in of its own whose clock stands still."""

    def setUp(self):
        self.app = App(Clock(scale=0, start_ms=1_800_000_000_000))
        self.server = serve(self.app, port=0)[0]
        self.addCleanup(self._stop)
        self.github = Client(self.server.server_port)

    def _stop(self):
        self.server.shutdown()
        self.server.server_close()

    def script(self, **workflows):
        """Workflows of kestra-io/kestra; keys are file names with `_` for `-`, without .yml."""
        files = {name.replace("_", "-") + ".yml": spec for name, spec in workflows.items()}
        self.github.admin("POST", "/script", {"repositories": {REPO: {
            "default_branch": "develop", "workflows": files}}})

    def start(self, **spec):
        spec = dict({"repository": REPO, "ref": "v1.0.3"}, **spec)
        return self.github.admin("POST", "/runs", spec)["id"]

    def run_state(self, run_id):
        runs = self.github.admin("GET", "/state")["repositories"][REPO]["runs"]
        return next(r for r in runs if r["id"] == run_id)

    def advance(self, ms):
        self.github.admin("POST", "/clock", {"advance_ms": ms})
