"""What the end-to-end tests share: the stand-in as a process, a sandbox, a run of headrace."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STANDIN = os.path.join(ROOT, "tests", "github_standin")
TOKEN = "ghp_endToEndToken0123456789abcdefghijkl"


# Set by openapi_suites.py: every stand-in has a door before it that validates what is said to it.
OPENAPI = "E2E_OPENAPI"


class Standin:
    """A stand-in for GitHub in a process of its own; ends with this process at the latest."""

    _door = None

    def __init__(self, *documents, log=None):
        command = [sys.executable, STANDIN, "--port", "0", "--until-stdin-closes"]
        if log:
            command += ["--log", log]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True, start_new_session=True)
        self.url = self._own_url = json.loads(self._process.stdout.readline())["url"]
        if OPENAPI in os.environ:
            from openapi_doors import Door  # needed by nobody else
            self._door = Door(self.url, json.loads(os.environ[OPENAPI]))
            self.url = self._door.url
        for document in documents:
            self.script(document)

    def script(self, document):
        self._ask("POST", "/script", document)

    def forget_faults(self):
        self._ask("DELETE", "/faults")

    def state(self):
        return self._ask("GET", "/state")

    def requests(self):
        return self._ask("GET", "/requests")

    def effects(self):
        """What was brought about, without ids, shas and times: equal for equal outcomes."""
        return self._ask("GET", "/effects")

    def deliveries(self, wait_ms=5000):
        """The webhooks with their answers, once all that are due were sent."""
        return self._ask("GET", f"/deliveries?wait_ms={wait_ms}")

    def admin(self, method, path, body=None):
        """Any other verb of /_admin (tests/github_standin/admin.py lists them)."""
        return self._ask(method, path, body)

    def runs(self, repository, workflow):
        runs = self.state()["repositories"][repository]["runs"]
        return [run for run in runs if run["workflow"] == workflow]

    def stop(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        if self._door:
            self._door.stop()

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._own_url + "/_admin" + path, data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as reply:
            text = reply.read()
            return json.loads(text) if text else None


def release_environment(url, token=TOKEN):
    """What a worker needs to run examples/release against `url`."""
    return {
        "GITHUB_API_URL": url,
        "SECRET_GITHUB_TOKEN": base64.b64encode(token.encode()).decode(),
        "RELEASE_BIN": os.path.join(ROOT, "examples", "release", "bin"),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


class Sandbox:
    """bubblewrap: the machine read-only, /etc/apt and /tmp its own, the stand-in commands on PATH.

    `folder` is the one place shared with the test: a home, what apt installed, the journal.
    """

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="headrace-e2e-")
        for name in ("home", "installed"):
            os.mkdir(os.path.join(self.folder, name))
        self._journal = os.path.join(self.folder, "journal")

    def command(self, argv, visible=()):
        """`visible`: files that must be seen inside although they may lie under /tmp."""
        bwrap = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
                 "--tmpfs", "/tmp", "--tmpfs", "/etc/apt", "--unshare-pid", "--unshare-ipc",
                 "--die-with-parent", "--ro-bind", ROOT, ROOT]
        for path in visible:
            bwrap += ["--ro-bind", path, path]
        return bwrap + ["--bind", self.folder, self.folder, "--chdir", ROOT, "--"] + list(argv)

    def environment(self, **more):
        """The caller's without its secrets and settings, so that a test means the same anywhere."""
        kept = {k: v for k, v in os.environ.items() if k in ("LANG", "LC_ALL", "TERM", "USER")}
        path = [os.path.join(HERE, "fakebin"), os.path.join(self.folder, "installed"),
                "/usr/local/bin", "/usr/bin", "/bin"]
        kept.update(PATH=":".join(path), HOME=os.path.join(self.folder, "home"),
                    E2E_INSTALLED=os.path.join(self.folder, "installed"),
                    E2E_JOURNAL=self._journal, TMPDIR="/tmp", **more)
        return kept

    def journal(self):
        try:
            with open(self._journal, encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def remove(self):
        shutil.rmtree(self.folder)


class Outcome:
    """How `headrace run -o json` ended: code, the execution document, what people saw."""

    def __init__(self, done):
        self.code = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr

    @property
    def execution(self):
        return json.loads(self.stdout)

    @property
    def state(self):
        return self.execution["state"]["current"]

    def task_runs(self, task_id):
        """In the order of their iterations, those of earlier ones included."""
        everything = self.execution.get("taskRunHistory", []) + self.execution["taskRunList"]
        runs = [r for r in everything if r["taskId"] == task_id]
        return sorted(runs, key=lambda r: r.get("iteration") or 0)

    def states(self, task_id):
        return [r["state"]["current"] for r in self.task_runs(task_id)]


def headrace_binary():
    """$HEADRACE_BIN; None if there is none."""
    path = os.environ.get("HEADRACE_BIN")
    return os.path.realpath(path) if path else None
