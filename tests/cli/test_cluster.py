#!/usr/bin/env python3
"""Several schedulers on one Redis: what each tells of itself, who answers, who takes over, and flags that cannot work."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import GATED_FLOW, LOG_FLOW, main  # noqa: E402
from redis_server import RedisTest  # noqa: E402

LEASE = "2s"


class Cluster(RedisTest):
    def setUp(self):
        super().setUp()
        self.database = self.redis()

    def member(self, *more, **environment):
        service = self.serve("scheduler", "--storage", os.path.join(self.folder, "storage"), "--grpc-port", "0", "--queue-endpoint", "tcp://127.0.0.1:0",
                             "--partition-lease", LEASE, *more, HEADRACE_STORE=self.database.url(), **environment)
        self.ready(service)
        return service

    def listed(self, scheduler):
        done = self.client(scheduler, "scheduler", "list", "-o", "json")
        self.assert_exit(done, 0)
        return json.loads(done.stdout)

    def wait_for(self, what, holds):
        deadline = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.1)

    def partitions(self, scheduler):
        return [one["partitions"] for one in self.listed(scheduler)]

    def start(self, scheduler, flow="team/one"):
        done = self.client(scheduler, "exec", "start", flow, "-o", "name")
        self.assert_exit(done, 0)
        return done.stdout.split("/")[-1].strip()

    def begun(self):
        try:
            with open(os.path.join(self.folder, "begun"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def test_each_tells_where_it_is_and_all_share(self):
        one, two = self.member(), self.member()
        self.wait_for("two with partitions", lambda: len(self.partitions(one)) == 2 and min(self.partitions(one)) > 0)
        self.wait_for("all driven", lambda: sum(self.partitions(two)) == 256)
        told = self.listed(two)
        self.assertEqual({(each["api"], each["workers"]) for each in told}, {(one.server, one.queue), (two.server, two.queue)})
        self.assertEqual([each["api"] for each in told if each["self"]], [two.server])
        self.assertEqual(len({each["id"] for each in told}), 2)
        names = self.client(one, "scheduler", "list", "-o", "name").stdout.split()
        self.assertEqual(sorted(names), sorted(each["id"] for each in told))

    def test_any_of_them_answers_everything(self):
        one, two = self.member(), self.member()
        self.worker(one, "--storage", os.path.join(self.folder, "storage"))
        self.wait_for("two with partitions", lambda: len(self.partitions(one)) == 2 and min(self.partitions(one)) > 0)
        self.deploy(one, LOG_FLOW.format(id="one", message="hi"))
        ids = [self.start(scheduler) for scheduler in (one, two) for _ in range(6)]
        for scheduler in (one, two):
            for each in ids:
                self.assert_exit(self.client(scheduler, "exec", "watch", each), 0)
            self.assertEqual(len(json.loads(self.client(scheduler, "exec", "list", "-o", "json").stdout)), len(ids))
        missing = self.client(one, "exec", "get", "nothing-like-that")
        self.assertNotEqual(missing.returncode, 0)

    def test_sigterm_hands_over_and_kill_is_taken_over(self):
        one, two, three = self.member(), self.member(), self.member()
        self.worker(one, "--storage", os.path.join(self.folder, "storage"))
        self.wait_for("three with partitions", lambda: len(self.partitions(one)) == 3 and min(self.partitions(one)) > 0)
        self.deploy(one, GATED_FLOW.format(id="gated", folder=self.folder))
        ids = [self.start(scheduler, "team/gated") for scheduler in (one, two, three)]
        self.wait_for("all began", lambda: self.begun() == "x\n" * 3)
        watches = [self.serve("exec", "watch", each, "--server", three.server) for each in ids]
        for watch in watches:
            watch.wait_for("RUNNING")
        self.assertEqual(one.stop()[0], 0)
        two.process.kill()
        two.process.wait()
        self.wait_for("one has all", lambda: self.partitions(three) == [256])
        self.write("go", "")
        # Those that were open before see the rest, once, whoever drives it now.
        for watch, each in zip(watches, ids):
            _, rest = watch.process.communicate(timeout=60)
            lines = (watch.seen + rest).decode().splitlines()
            self.assertEqual(watch.process.returncode, 0, lines)
            self.assertEqual(len(lines), len(set(lines)), lines)
            self.assertIn("SUCCESS", lines[-1])
            self.assert_exit(self.client(three, "exec", "watch", each), 0)
        self.assertEqual(self.begun(), "x\n" * 3, "a task ran twice")

    def test_a_standalone_neither_disturbs_them_nor_leaves_what_they_began(self):
        one = self.member()
        alone = lambda: self.call("standalone", "--data", "d", "--grpc-port", "0", HEADRACE_STORE=self.database.url())
        for _ in range(2):
            done = alone()
            self.assert_exit(done, 6)
            self.assertIn("headrace scheduler", done.stderr)
            if one.process.poll() is None:
                self.assertEqual(self.partitions(one), [256])
                self.assertEqual(one.stop()[0], 0)

    def test_with_tls_they_let_each_other_in_by_their_token(self):
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=the authority")
        openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=headrace")
        self.write("ext", "subjectAltName=DNS:headrace.flows.svc,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", "server.pem", "-extfile", "ext")
        token, admin = "p" * 24, "a" * 24
        self.write("tokens", f"{token} schedulers scheduler\n{admin} me admin\n")
        guarded = ("--grpc-cert", "server.pem", "--grpc-key", "server.key", "--token-file", "tokens", "--peer-ca", "ca.pem", "--peer-name", "headrace.flows.svc")
        one = self.member(*guarded, HEADRACE_PEER_TOKEN=token)
        two = self.member(*guarded, "--peer-token-file", self.write("token", token + "\n"))
        ask = lambda scheduler, *words: self.call(*words, "--server", scheduler.server, "--tls-ca", "ca.pem", HEADRACE_TOKEN=admin)
        shares = lambda: [each["partitions"] for each in json.loads(ask(one, "scheduler", "list", "-o", "json").stdout)]
        self.wait_for("two with partitions", lambda: len(shares()) == 2 and min(shares()) > 0)
        self.assert_exit(ask(one, "flow", "apply", self.write("flow.yaml", LOG_FLOW.format(id="one", message="hi"))), 0)
        ids = []
        for i in range(8):
            done = ask((one, two)[i % 2], "exec", "start", "team/one", "-o", "name")
            self.assert_exit(done, 0)
            ids.append(done.stdout.split("/")[-1].strip())
        for each in ids:
            for scheduler in (one, two):
                self.assert_exit(ask(scheduler, "exec", "get", each), 0)
        for service in (one, two):
            code, seen = service.stop()
            self.assertEqual(code, 0)
            self.assertNotIn(token, seen)


class Flags(RedisTest):
    def test_what_cannot_work_is_named_with_the_remedy(self):
        store = ("--store", "redis://127.0.0.1:1", "--storage", "s")
        for argv, words in (((*store, "--advertise", "0.0.0.0:8082"), "such as 10.1.2.3:8082"),
                            ((*store, "--advertise", "http://host:8082"), "HOST:PORT"),
                            ((*store, "--advertise-workers", "ipc:///tmp/queue"), "tcp://10.1.2.3:5570"),
                            ((*store, "--partition-lease", "90s"), "from 1s to 60s"),
                            ((*store, "--partition-lease", "soon"), "soon"),
                            ((*store, "--peer-name", "headrace"), "--grpc-cert"),
                            (("--data", "d", "--advertise", "host:8082"), "--store"),
                            (("--data", "d", "--peer-token-file", "t"), "--store")):
            done = self.call("scheduler", "--grpc-port", "0", *argv)
            self.assertNotEqual(done.returncode, 0, argv)
            self.assertIn(words, done.stderr, argv)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "d")))

    def test_one_of_an_embedded_store_is_alone(self):
        scheduler = self.scheduler()
        told = json.loads(self.client(scheduler, "scheduler", "list", "-o", "json").stdout)
        self.assertEqual([each["self"] for each in told], [True])

    def test_list_needs_a_server_and_no_store(self):
        done = self.call("scheduler", "list", "--server", "127.0.0.1:1")
        self.assert_exit(done, 7)
        self.assertIn("127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    main()
