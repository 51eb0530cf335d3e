"""A scheduler and its workers as child processes, and calls to them; stops what it started."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request

from demo_parts import show

WORKERS, SLOTS = 2, 4
START_SECONDS, STOP_SECONDS = 30, 20
# Whoever runs the demo may have settings for a headrace of his own.
OURS = ("HEADRACE_", "SECRET_")


class StartError(RuntimeError):
    """What was started does not come up."""


def free_ports(count):
    """Ports nobody listens on; held together so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in held]
    for holder in held:
        holder.close()
    return ports


class Cluster:
    def __init__(self, binary, folder, worker_environment):
        self._binary, self._folder, self._children = binary, folder, []
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
        # Secrets are the workers'; the scheduler never needs one.
        self._worker_environment = dict(self._environment, **worker_environment)
        grpc, queue, http, management = free_ports(4)
        self.server, self.queue = f"127.0.0.1:{grpc}", f"tcp://127.0.0.1:{queue}"
        self.http, self.management = f"http://127.0.0.1:{http}", f"http://127.0.0.1:{management}"
        self._scheduler = ["--data", os.path.join(folder, "data"), "--grpc-port", str(grpc), "--queue-endpoint", self.queue,
                           "--port", str(http), "--management-port", str(management)]

    def start(self):
        child = self._start("scheduler", self._environment, "scheduler", *self._scheduler)
        self._wait(child)
        for number in range(1, WORKERS + 1):
            name = f"worker-{number}"
            self._start(name, self._worker_environment, "worker", "--scheduler", self.queue, "--server", self.server,
                        "--id", name, "--slots", str(SLOTS), "--work-dir", os.path.join(self._folder, name),
                        "--connections", os.path.join(self._folder, "connections.yaml"))

    def _start(self, name, environment, *command):
        with open(os.path.join(self._folder, name + ".log"), "wb") as log:
            child = subprocess.Popen([self._binary, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True, env=environment)
        self._children.append((name, child))
        return child

    def _wait(self, child):
        """Until the scheduler says that it is ready."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise StartError(f"the scheduler ended with {child.returncode} before it listened")
            try:
                opener.open(self.http + "/health/ready", timeout=2).close()
                return
            except OSError:
                time.sleep(0.02)
        raise StartError(f"{self.http}/health/ready is not answered after {START_SECONDS} s")

    def shown(self, *words):
        """Runs a command whose output the person sees; its exit code."""
        return subprocess.run([self._binary, *words, "--server", self.server], stdin=subprocess.DEVNULL,
                              env=self._environment, check=False).returncode

    def read(self, *words):
        """Runs a command that answers in JSON; None if it refused, its words are shown then."""
        done = subprocess.run([self._binary, *words, "-o", "json", "--server", self.server], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env=self._environment, check=False)
        if done.returncode:
            show.say(done.stderr.rstrip())
            return None
        return json.loads(done.stdout)

    def stop(self):
        """Workers first, so that they drain while somebody still listens."""
        for _, child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
        for name, child in reversed(self._children):
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                show.say(f"demo: {name} did not stop in {STOP_SECONDS} s, killed")
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()

    def print_logs(self):
        for name, _ in self._children:
            with open(os.path.join(self._folder, name + ".log"), encoding="utf-8", errors="replace") as file:
                tail = file.read().splitlines()[-20:]
            if tail:
                show.say("\n".join([f"--- {name}", *tail]))
