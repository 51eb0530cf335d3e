"""The headrace binary, run in a folder of its own with an environment of its own."""
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = os.path.realpath(os.environ.get("HEADRACE_BIN", "build/dev/bin/headrace"))
PATIENCE = 60
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE")

LOG_FLOW = """id: {id}
namespace: team
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "{message}"
"""
# Waits for the file `go`, and leaves a line in `begun` each time it begins.
GATED_FLOW = """id: {id}
namespace: team
tasks:
  - id: wait
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - 'echo x >> {folder}/begun; while [ ! -e {folder}/go ]; do sleep 0.05; done'
"""


class Service:
    """A process that serves until it is told to stop."""

    def __init__(self, argv, folder, environment, through=()):
        self.process = subprocess.Popen([*through, BINARY, *argv], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.seen = b""

    def wait_for(self, text):
        """Reads stderr until it has `text`; what was read so far."""
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stderr], [], [], left)[0]:
                raise AssertionError(f"no {text!r} in {self.seen!r}")
            piece = os.read(self.process.stderr.fileno(), 65536)
            if not piece:
                raise AssertionError(f"ended with {self.process.wait()} without {text!r}: {self.seen.decode()}")
            self.seen += piece
        return self.seen.decode()

    def stop(self, number=signal.SIGTERM):
        """The exit code, and what stderr had to say."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=PATIENCE)
        self.seen += rest
        return self.process.returncode, self.seen.decode()

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class BinaryTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="headrace-cli-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def environment(self, **more):
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        # Tests run beside one another: nobody takes the ports that are everybody's.
        return {**kept, "TMPDIR": self.folder, "TERM": "dumb", "HEADRACE_HTTP_PORT": "off", "HEADRACE_MANAGEMENT_PORT": "off", **more}

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def call(self, *argv, stdin="", **environment):
        return subprocess.run([BINARY, *argv], cwd=self.folder, env=self.environment(**environment), input=stdin,
                              capture_output=True, text=True, timeout=PATIENCE, check=False)

    def serve(self, *argv, through=(), **environment):
        service = Service(argv, self.folder, self.environment(**environment), through)
        self.addCleanup(service.end)
        return service

    def wait_until(self, true, what):
        deadline = time.monotonic() + PATIENCE
        while not true():
            self.assertLess(time.monotonic(), deadline, f"not so after {PATIENCE} s: {what}")
            time.sleep(0.05)

    def assert_exit(self, done, code):
        self.assertEqual(done.returncode, code, f"stdout: {done.stdout}\nstderr: {done.stderr}")


class ClusterTest(BinaryTest):
    def scheduler(self, *more, data="data", queue="tcp://127.0.0.1:0"):
        service = self.serve("scheduler", "--data", os.path.join(self.folder, data), "--grpc-port", "0",
                             "--queue-endpoint", queue, *more)
        seen = service.wait_for(", data ")
        service.server, service.queue = re.search(r"API ((?:127\.0\.0\.1|0\.0\.0\.0):\d+), workers (tcp://(?:127\.0\.0\.1|0\.0\.0\.0):\d+)", seen).groups()
        service.server = service.server.replace("0.0.0.0", "127.0.0.1")
        service.queue = service.queue.replace("//0.0.0.0", "//127.0.0.1")
        return service

    def worker(self, scheduler, *more, **environment):
        service = self.serve("worker", "--scheduler", scheduler.queue, *more, **environment)
        service.wait_for("worker is ready")
        return service

    def client(self, scheduler, *argv):
        return self.call(*argv, "--server", scheduler.server)

    def deploy(self, scheduler, text):
        self.assert_exit(self.client(scheduler, "flow", "apply", self.write("flow.yaml", text)), 0)


def main():
    if not os.path.exists(BINARY):
        sys.exit("set HEADRACE_BIN to the headrace binary")
    unittest.main()
