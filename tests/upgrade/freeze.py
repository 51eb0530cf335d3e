#!/usr/bin/env python3
"""Makes the data that a release leaves behind, for the releases after it to open: freeze.py BINARY FOLDER.

A data folder (data.tar.gz) and the commands that fill a Redis (redis.gz), each with a finished, a waiting, a paused, a failed and a
running execution, a parent that waits, triggers, keys and files; names.json says which execution is which.
"""
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))

from redis_server import Redis  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
FLOWS = {"short": "SUCCESS", "failed": "FAILED", "waiting": "PAUSED", "paused": "PAUSED", "parent": "RUNNING", "running": "RUNNING"}


class Server:
    def __init__(self, binary, folder, *argv):
        self.binary, self.folder = binary, folder
        env = {**os.environ, "TMPDIR": folder, "HEADRACE_HTTP_PORT": "off", "HEADRACE_MANAGEMENT_PORT": "off"}
        self.processes = []
        self.server, self.queue = None, None
        seen = self.start(env, argv)
        self.server = re.search(r"API (127\.0\.0\.1:\d+)", seen).group(1)
        if argv[0] == "scheduler":
            self.queue = re.search(r"workers (tcp://127\.0\.0\.1:\d+)", seen).group(1)
            self.start(env, ("worker", "--scheduler", self.queue, "--server", self.server, "--storage", os.path.join(folder, "data", "storage")))

    def start(self, env, argv):
        log = os.path.join(self.folder, f"{argv[0]}.log")
        with open(log, "wb") as out:
            self.processes.append(subprocess.Popen([self.binary, *argv], cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stderr=out, start_new_session=True))
        while True:
            with open(log, encoding="utf-8") as file:
                seen = file.read()
            if "ready" in seen and ("store redis" in seen or "data " in seen or argv[0] == "worker"):
                return seen
            assert self.processes[-1].poll() is None, seen
            time.sleep(0.05)

    def call(self, *argv):
        return subprocess.run([self.binary, *argv, "--server", self.server], check=True, capture_output=True, text=True, cwd=self.folder).stdout

    def state(self, execution):
        return json.loads(self.call("exec", "get", execution, "-o", "json"))["state"]["current"]

    def fill(self):
        self.call("flow", "apply", os.path.join(HERE, "flows.yaml"))
        ids = {flow: self.call("exec", "start", f"upgrade/{flow}", "--idempotency-key", flow).strip() for flow in FLOWS}
        for flow, state in FLOWS.items():
            while self.state(ids[flow]) != state:
                time.sleep(0.1)
        while len(json.loads(self.call("exec", "list", "-o", "json"))) < len(FLOWS) + 2:  # the parent's child, and who follows `short`
            time.sleep(0.1)
        return ids

    def kill(self):
        for process in self.processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main():
    binary, target = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    os.makedirs(target, exist_ok=True)
    names = {}
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        server = Server(binary, folder, "standalone", "--data", data, "--grpc-port", "0")
        names["data"] = server.fill()
        server.kill()
        with tarfile.open(os.path.join(target, "data.tar.gz"), "w:gz") as tar:
            tar.add(data, "data", filter=lambda member: None if member.name.endswith((".lock", "-shm")) else member)
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis(folder, "--aof-use-rdb-preamble", "no")
        server = Server(binary, folder, "scheduler", "--store", redis.url(), "--storage", os.path.join(folder, "data", "storage"), "--grpc-port", "0",
                        "--queue-endpoint", "tcp://127.0.0.1:0")
        names["redis"] = server.fill()
        server.kill()
        redis.kill()
        commands = b""
        appended = os.path.join(folder, "appendonlydir")
        for name in sorted(os.listdir(appended), key=lambda name: (".incr." in name, name)):
            if name.endswith(".aof"):
                with open(os.path.join(appended, name), "rb") as file:
                    commands += file.read()
        with open(os.path.join(target, "redis.gz"), "wb") as file:
            file.write(gzip.compress(commands, mtime=0))
    with open(os.path.join(target, "names.json"), "w", encoding="utf-8") as file:
        json.dump(names, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
