"""headrace against the stand-in for GitHub: one process, or a scheduler with workers that may be killed, and a test's way to them."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from harness import TOKEN, Outcome, Standin, headrace_binary

CONNECTIONS = """
connections:
  github:
    releases:
      endpoint: {url}
      token: "{{{{ secret('GITHUB_TOKEN') }}}}"
      budget:
        writesPerMinute: 80
    app:
      endpoint: {url}/api/v3
      app:
        clientId: Iv1.headrace
        installationId: 77
        privateKey: "{{{{ secret('APP_KEY') }}}}"
"""


def free_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


def task(kind, **properties):
    """A task of ours on the connection, as JSON, which is YAML."""
    return dict({"type": f"headrace.github.{kind}", "connection": "releases"}, **properties)


def flow(*tasks, **more):
    return json.dumps(dict({"id": "check", "namespace": "company.team", "tasks": list(tasks)}, **more))


def for_each(count, body):
    return {"id": "each", "type": "io.kestra.plugin.core.flow.ForEach", "concurrencyLimit": 0,
            "values": list(range(count)), "tasks": [body]}


class Folder:
    """A place for one test, with the connections file of a stand-in."""

    def __init__(self, url):
        self.path = tempfile.mkdtemp(prefix="headrace-github-")
        self.secrets = {"GITHUB_TOKEN": TOKEN}
        self.connections = self.write("connections.yaml", CONNECTIONS.format(url=url))

    def write(self, name, text):
        path = os.path.join(self.path, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def environment(self, scale=1):
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL", "HOME")}
        kept.update({"HEADRACE_SECRET_" + name: value for name, value in self.secrets.items()})
        return dict(kept, HEADRACE_CONNECTIONS=self.connections,
                    HEADRACE_HTTP_ALLOW="127.0.0.0/8", HEADRACE_TIME_SCALE=str(scale), TMPDIR=self.path,
                    HEADRACE_HTTP_PORT="off", HEADRACE_MANAGEMENT_PORT="off",
                    HEADRACE_STORAGE_DIR=os.path.join(self.path, "storage"))

    def holds(self, word):
        """Files that hold these bytes: no secret may rest anywhere."""
        found = []
        for folder, _, names in os.walk(self.path):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    if word.encode() in file.read():
                        found.append(os.path.join(folder, name))
        return found

    def remove(self):
        shutil.rmtree(self.path)


def run_here(folder, text, scale=1, timeout=240):
    """`headrace run`: engine and worker in one process."""
    argv = [headrace_binary(), "run", folder.write("flow.yaml", text), "-o", "json", "--slots", "8",
            "--data", os.path.join(folder.path, "data")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False,
                          stdin=subprocess.DEVNULL, env=folder.environment(scale))
    return Outcome(done)


class Cluster:
    """A scheduler and some workers, each a process of its own."""

    def __init__(self, folder, workers, lease=3, arguments=()):
        self._folder = folder
        self._grpc, self._queue = free_port(), free_port()
        self._server = f"127.0.0.1:{self._grpc}"
        self.workers = {}
        self.scheduler = self._start("scheduler", "scheduler", "--data", os.path.join(folder.path, "data"),
                                     "--grpc-port", str(self._grpc), "--queue-endpoint", self._endpoint(),
                                     "--lease", f"PT{lease}S", *arguments)
        for number in range(workers):
            self.add(f"w{number}")

    def add(self, name):
        self.workers[name] = self._start(name, "worker", "--scheduler", self._endpoint(), "--server", self._server, "--id",
                                         name, "--slots", "4", "--work-dir", os.path.join(self._folder.path, name))

    def _endpoint(self):
        return f"tcp://127.0.0.1:{self._queue}"

    def _start(self, name, *command):
        with open(os.path.join(self._folder.path, name + ".log"), "ab") as log:
            return subprocess.Popen([headrace_binary(), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=self._folder.environment(), start_new_session=True)

    def call(self, *arguments, tries=80):
        for _ in range(tries):
            done = subprocess.run([headrace_binary(), *arguments, "--server", self._server], capture_output=True,
                                  text=True, stdin=subprocess.DEVNULL, check=False, env=self._folder.environment())
            if done.returncode != 7:  # nobody answers
                return done
            time.sleep(0.25)
        raise AssertionError(f"no answer to {arguments}: {done.stderr}")

    def apply(self, text):
        done = self.call("flow", "apply", self._folder.write("cluster.yaml", text))
        assert done.returncode == 0, done.stderr

    def submit(self, name="check"):
        done = self.call("exec", "start", f"company.team/{name}", "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["id"]

    def execution(self, execution):
        done = self.call("exec", "get", execution, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def wait(self, execution, seconds=60):
        """The execution once it has ended; one process watches it, however long that takes."""
        self.call("exec", "watch", execution, "--timeout", f"PT{seconds}S")
        seen = self.execution(execution)
        if seen["state"]["current"] not in ("SUCCESS", "FAILED", "WARNING", "KILLED"):
            raise AssertionError(f"{execution} does not end: {json.dumps(seen['state'])}")
        return seen

    def kill(self, name):
        child = self.workers.pop(name)
        child.kill()
        child.wait()

    def stop(self):
        children = [*self.workers.values(), self.scheduler]
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@unittest.skipUnless(headrace_binary(), "HEADRACE_BIN names no binary")
class GithubCase(unittest.TestCase):
    """A test with a stand-in and a folder of its own; what ran last is in `last`."""

    maxDiff = None
    repository = "acme/app"
    scale = 1

    def begin(self, script):
        self.github = Standin(script)
        self.addCleanup(self.github.stop)
        self.folder = Folder(self.github.url)
        self.addCleanup(self.folder.remove)

    def run_flow(self, *tasks, script=None, state="SUCCESS", scale=None, **more):
        """The outcome of a flow of these tasks, which ends in `state`; the token is nowhere to be seen."""
        if script is not None:
            self.begin(script)
        self.last = run_here(self.folder, flow(*tasks, **more), scale or self.scale)
        self.assertTrue(self.last.stdout, self.last.stderr)
        self.assertNotIn(TOKEN, self.last.stdout + self.last.stderr, "the token was shown")
        self.assertEqual(self.folder.holds(TOKEN), [], "the token rests in a file")
        self.assertEqual(self.last.state, state, self.last.stderr[-3000:])
        return self.last

    def cluster(self, workers, **more):
        started = Cluster(self.folder, workers, **more)
        self.addCleanup(started.stop)
        return started

    def sent(self, method, part):
        return [r for r in self.github.requests() if r["method"] == method and part in r["path"]]

    def effects(self):
        return self.github.effects()[self.repository]

    def start_run(self, workflow="ci.yml", **more):
        return self.github.admin("POST", "/runs", dict({"repository": self.repository, "workflow": workflow, "ref": "main"}, **more))["id"]

    def end_run(self, run):
        self.github.admin("POST", f"/runs/{run}", {"conclusion": "success"})

    def until(self, holds, seconds=30):
        end = time.time() + seconds
        while not holds():
            self.assertLess(time.time(), end, "it does not come")
            time.sleep(0.1)
