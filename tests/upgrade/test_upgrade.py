#!/usr/bin/env python3
"""What the release before left behind is opened by this one: a data folder and a Redis, both killed in the middle of their work."""
import gzip
import json
import os
import re
import shutil
import socket
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))

from binary import main  # noqa: E402
from redis_server import RedisTest  # noqa: E402

# Of the release before; freeze.py makes the next one.
FROZEN = os.path.join(HERE, "..", "data", "upgrade", "889f384")
ENDED = {"short": "SUCCESS", "failed": "FAILED"}


class Upgrade(RedisTest):
    def names(self, store):
        with open(os.path.join(FROZEN, "names.json"), encoding="utf-8") as file:
            return json.load(file)[store]

    def execution(self, service, execution):
        done = self.client(service, "exec", "get", execution, "-o", "json")
        self.assert_exit(done, 0)
        return json.loads(done.stdout)

    def task(self, execution, task):
        return [run for run in execution["taskRunList"] if run["taskId"] == task][-1]

    def goes_on(self, service, ids):
        """Everything is there as it was, and what had not ended comes to its end."""
        for flow, state in ENDED.items():
            self.assertEqual(self.execution(service, ids[flow])["state"]["current"], state)
        short = self.execution(service, ids["short"])
        self.assertEqual((short["inputs"], short["outputs"]), ({"who": "world"}, {"said": "hello world"}))
        self.assertEqual(self.execution(service, ids["paused"])["state"]["current"], "PAUSED")
        # The same request finds the same execution.
        done = self.client(service, "exec", "start", "upgrade/paused", "--idempotency-key", "paused")
        self.assertEqual(done.stdout.strip(), ids["paused"], done.stderr)
        # Its time has come long ago.
        self.assert_exit(self.client(service, "exec", "watch", ids["waiting"]), 0)
        after = self.task(self.execution(service, ids["waiting"]), "after")
        self.assertEqual(after["outputs"]["value"], "from before, and after")
        # What ran is handed out again.
        self.assert_exit(self.client(service, "exec", "watch", ids["running"]), 0)
        self.assert_exit(self.client(service, "exec", "resume", ids["paused"]), 0)
        self.assert_exit(self.client(service, "exec", "watch", ids["paused"]), 0)
        # A parent and its child find each other.
        child = self.task(self.execution(service, ids["parent"]), "child")["outputs"]["executionId"]
        self.assert_exit(self.client(service, "exec", "resume", child), 0)
        self.assert_exit(self.client(service, "exec", "watch", ids["parent"]), 0)
        # A failed one can be begun again, a new one started, and triggers are there.
        self.assert_exit(self.client(service, "exec", "restart", ids["failed"]), 0)
        self.assertEqual(self.client(service, "exec", "start", "upgrade/short", "--wait").returncode, 0)
        triggers = {(one["triggerId"], one["disabled"]) for one in json.loads(self.client(service, "trigger", "list", "-o", "json").stdout)}
        self.assertEqual(triggers, {("yearly", False), ("hook", False), ("follows", False)})

    def test_a_data_folder_of_the_release_before(self):
        with tarfile.open(os.path.join(FROZEN, "data.tar.gz")) as tar:
            tar.extractall(self.folder, filter="data")
        service = self.serve("standalone", "--data", os.path.join(self.folder, "data"), "--grpc-port", "0")
        service.server = re.search(r"API (127\.0\.0\.1:\d+)", service.wait_for(", data ")).group(1)
        self.goes_on(service, self.names("data"))
        self.assertEqual(service.stop()[0], 0)

    def test_a_redis_of_the_release_before(self):
        redis = self.redis()
        with gzip.open(os.path.join(FROZEN, "redis.gz"), "rb") as file:
            fill(redis.port, file.read())
        with tarfile.open(os.path.join(FROZEN, "data.tar.gz")) as tar:
            tar.extractall(self.folder, filter="data")
        shutil.copytree(os.path.join(self.folder, "data", "storage"), os.path.join(self.folder, "storage"))
        scheduler = self.scheduler_on(redis, "--lease", "2s")  # the worker that had it is gone
        self.worker(scheduler, "--storage", os.path.join(self.folder, "storage"), "--server", scheduler.server)
        self.goes_on(scheduler, self.names("redis"))
        self.assertEqual(scheduler.stop()[0], 0)


def fill(port, commands):
    """Every command is answered before this returns."""
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(commands + b"*2\r\n$4\r\nECHO\r\n$7\r\nthe-end\r\n")
        seen = b""
        while not seen.endswith(b"$7\r\nthe-end\r\n"):
            piece = one.recv(65536)
            assert piece, seen
            seen += piece
    wrong = [line for line in seen.split(b"\r\n") if line.startswith(b"-")]
    assert not wrong, wrong


if __name__ == "__main__":
    main()
