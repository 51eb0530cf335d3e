#!/usr/bin/env python3
"""A scheduler and a worker whose truth is in a real redis-server, which may be killed as they may."""
import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import LOG_FLOW, main  # noqa: E402
from redis_server import RedisTest  # noqa: E402

STEPS = 4
# Each step says that it began and waits until it may end.
STEPS_FLOW = """id: steps
namespace: team
tasks:
""" + "".join(f"""  - id: step{i}
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - 'echo x >> {{folder}}/begun{i}; echo "step {i} of {STEPS}"; while [ ! -e {{folder}}/go{i} ]; do sleep 0.05; done'
""" for i in range(STEPS))
PASSWORD = "canary-password-9f3c"


def tell(port, command):
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(command.encode() + b"\r\n")
        answer = one.recv(1000)
        assert answer.startswith(b"+"), answer


class OnRedis(RedisTest):
    def wait_for_file(self, name):
        deadline = time.monotonic() + 60
        while not os.path.exists(os.path.join(self.folder, name)):
            self.assertLess(time.monotonic(), deadline, f"no {name}")
            time.sleep(0.05)

    def test_a_run_goes_on_whoever_is_killed(self):
        redis = self.redis()
        scheduler = self.scheduler_on(redis)
        self.worker(scheduler, "--storage", os.path.join(self.folder, "storage"))
        self.deploy(scheduler, STEPS_FLOW.format(folder=self.folder))
        self.assert_exit(self.client(scheduler, "exec", "start", "team/steps", "--idempotency-key", "once"), 0)

        self.wait_for_file("begun0")
        scheduler.process.kill()
        scheduler.process.wait()
        self.write("go0", "")  # its end is reported to whoever comes next
        scheduler = self.scheduler_on(redis, again=scheduler)

        self.wait_for_file("begun1")
        redis.kill()
        self.write("go1", "")
        time.sleep(0.5)
        redis.start()

        self.wait_for_file("begun2")  # both at once
        scheduler.process.kill()
        scheduler.process.wait()
        redis.kill()
        self.write("go2", "")
        redis.start()
        scheduler = self.scheduler_on(redis, again=scheduler)
        self.write("go3", "")

        self.assert_exit(self.client(scheduler, "exec", "watch", "@latest"), 0)
        done = self.client(scheduler, "exec", "get", "@latest", "-o", "json")
        runs = json.loads(done.stdout)["taskRunList"]
        self.assertEqual([(run["taskId"], run["state"]["current"]) for run in runs], [(f"step{i}", "SUCCESS") for i in range(STEPS)])
        for i in range(STEPS):
            with open(os.path.join(self.folder, f"begun{i}"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "x\n", f"step {i} ran twice")
        # The same key finds the same execution, and there is one.
        self.assert_exit(self.client(scheduler, "exec", "start", "team/steps", "--idempotency-key", "once"), 0)
        listed = json.loads(self.client(scheduler, "exec", "list", "-o", "json").stdout)
        self.assertEqual(len(listed), 1, listed)
        self.assertIn(f"step 3 of {STEPS}", self.client(scheduler, "exec", "logs", "@latest").stdout)
        self.assertEqual(scheduler.stop()[0], 0)

    def test_a_run_goes_on_whichever_master_of_a_cluster_is_killed(self):
        nodes = self.nodes()
        done = self.call("doctor", "--store", nodes.url())
        self.assertEqual(done.stdout.count("part of a cluster"), 3, done.stdout)
        scheduler = self.scheduler_on(nodes)
        self.worker(scheduler, "--storage", os.path.join(self.folder, "storage"))
        self.deploy(scheduler, STEPS_FLOW.format(folder=self.folder))
        self.assert_exit(self.client(scheduler, "exec", "start", "team/steps", "--idempotency-key", "once"), 0)
        for i, server in enumerate(nodes.servers):
            self.wait_for_file(f"begun{i}")
            server.kill()
            self.write(f"go{i}", "")
            time.sleep(0.5)
            server.start()
        self.wait_for_file("begun3")
        self.write("go3", "")
        self.assert_exit(self.client(scheduler, "exec", "watch", "@latest"), 0)
        for i in range(STEPS):
            with open(os.path.join(self.folder, f"begun{i}"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "x\n", f"step {i} ran twice")
        self.assertIn(f"step 3 of {STEPS}", self.client(scheduler, "exec", "logs", "@latest").stdout)
        self.assertEqual(scheduler.stop()[0], 0)

    def test_passwords_are_used_and_never_shown(self):
        redis = self.redis("--requirepass", PASSWORD)
        scheduler = self.scheduler_on(redis, login=f":{PASSWORD}@")
        self.worker(scheduler)
        self.deploy(scheduler, LOG_FLOW.format(id="one", message="hi"))
        self.assert_exit(self.client(scheduler, "exec", "start", "team/one", "--wait"), 0)
        redis.kill()
        time.sleep(0.3)
        redis.start()
        self.assert_exit(self.client(scheduler, "exec", "start", "team/one", "--wait"), 0)
        code, seen = scheduler.stop()
        self.assertEqual(code, 0)
        self.assertNotIn(PASSWORD, seen)
        done = self.call("scheduler", "--storage", self.folder, "--grpc-port", "0", "--queue-endpoint", "tcp://127.0.0.1:0",
                         HEADRACE_STORE=redis.url(f":not-{PASSWORD}@"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("user or password is wrong", done.stderr)
        self.assertNotIn(PASSWORD, done.stderr)

    def test_doctor_says_what_to_set(self):
        redis = self.redis("--maxmemory-policy", "allkeys-lru")
        done = self.call("doctor", "--store", redis.url())
        self.assertIn("set maxmemory-policy noeviction", done.stdout)
        self.assertIn("appendfsync always", done.stdout)
        self.assertNotEqual(done.returncode, 0)
        done = self.call("scheduler", "--store", redis.url(), "--storage", self.folder)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("set maxmemory-policy noeviction", done.stderr)

    def test_doctor_looks_at_functions_and_flushes(self):
        redis = self.redis("--no-appendfsync-on-rewrite", "yes")
        done = self.call("doctor", "--store", redis.url())
        self.assertIn("set no-appendfsync-on-rewrite no", done.stdout)
        self.assertIn("functions of this version are not loaded yet", done.stdout)
        self.scheduler_on(redis)
        done = self.call("doctor", "--store", redis.url(), "-o", "json")
        told = {one["detail"] for one in json.loads(done.stdout) if one["name"] == "redis"}
        self.assertIn("functions of this version are loaded", told)
        self.assertTrue({"maxmemory-policy noeviction", "appendonly yes, appendfsync always: what is answered survives a power cut"} <= told, told)
        tell(redis.port, "ACL SETUSER poor on >secret ~* -@all +@connection +info +config|get +role +hget +hmget +dbsize")
        done = self.call("doctor", "--store", redis.url("poor:secret@"))
        self.assertIn("+fcall", done.stdout)
        self.assertNotEqual(done.returncode, 0)

    def test_what_does_not_fit_together_is_named(self):
        for argv, words in ((["--store", "redis://h", "--durability", "full", "--storage", "s"], "memory, local or replica"),
                            (["--data", "d", "--durability", "replica"], "full or normal"),
                            (["--store", "redis://h"], "--storage"),
                            ([], "--data FOLDER or --store"),
                            (["--store", "redis+cluster://a,b/1", "--storage", "s"], "only 0"),
                            (["--store", "http://h", "--storage", "s"], "unknown scheme")):
            done = self.call("scheduler", *argv)
            self.assertNotEqual(done.returncode, 0, argv)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    main()
