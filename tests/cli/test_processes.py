#!/usr/bin/env python3
"""Scheduler, worker and standalone as processes: ready lines, signals, stores and ports that cannot be had."""
import glob
import json
import os
import re
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import GATED_FLOW, LOG_FLOW, ClusterTest, main  # noqa: E402


class Processes(ClusterTest):
    def test_a_cluster_runs_a_flow_and_stops_cleanly(self):
        scheduler = self.scheduler()
        worker = self.worker(scheduler, "--slots", "2", "--id", "w1")
        self.deploy(scheduler, LOG_FLOW.format(id="one", message="hi"))
        done = self.client(scheduler, "exec", "start", "team/one", "--watch")
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, r"(?m)^  say +✔ SUCCESS")
        done = self.client(scheduler, "exec", "get", "@latest", "-o", "json")
        run = json.loads(done.stdout)["taskRunList"][0]
        self.assertEqual(run["attempts"][0]["workerId"], "w1")
        self.assertEqual(worker.stop()[0], 0)
        self.assertEqual(scheduler.stop()[0], 0)

    def test_a_worker_drains_before_it_ends(self):
        scheduler = self.scheduler()
        worker = self.worker(scheduler)
        self.deploy(scheduler, GATED_FLOW.format(id="slow", folder=self.folder))
        self.assert_exit(self.client(scheduler, "exec", "start", "team/slow"), 0)
        watch = self.serve("exec", "watch", "@latest", "--server", scheduler.server)
        watch.wait_for("wait RUNNING")
        worker.process.send_signal(signal.SIGTERM)
        worker.wait_for("drains")
        self.write("go", "")
        self.assertEqual(worker.process.wait(60), 0)
        _, seen = watch.process.communicate(timeout=60)
        self.assertEqual(watch.process.returncode, 0, seen)

    def test_a_run_goes_on_after_the_scheduler_was_killed(self):
        scheduler = self.scheduler()
        self.worker(scheduler)
        self.deploy(scheduler, GATED_FLOW.format(id="slow", folder=self.folder))
        self.assert_exit(self.client(scheduler, "exec", "start", "team/slow"), 0)
        watch = self.serve("exec", "watch", "@latest", "--server", scheduler.server)
        watch.wait_for("wait RUNNING")
        scheduler.process.kill()
        scheduler.process.wait()
        again = self.serve("scheduler", "--data", os.path.join(self.folder, "data"), "--grpc-port",
                           scheduler.server.split(":")[1], "--queue-endpoint", scheduler.queue)
        again.wait_for("scheduler is ready")
        self.write("go", "")
        _, seen = watch.process.communicate(timeout=60)
        self.assertEqual(watch.process.returncode, 0, seen)

    def test_a_result_outlives_its_worker_while_there_is_no_scheduler(self):
        scheduler = self.scheduler()
        worker = self.worker(scheduler)
        text = GATED_FLOW.format(id="slow", folder=self.folder).replace("done'", f"done; echo ran >> {self.folder}/ran'")
        self.deploy(scheduler, text)
        self.assert_exit(self.client(scheduler, "exec", "start", "team/slow"), 0)
        watch = self.serve("exec", "watch", "@latest", "--server", scheduler.server)
        watch.wait_for("wait RUNNING")
        scheduler.process.kill()
        scheduler.process.wait()
        self.write("go", "")
        results = os.path.join(self.folder, f"headrace-{os.getuid()}", "results", "spool-*", "[0-9]*")
        self.wait_until(lambda: glob.glob(results), "the result is on the disk")
        worker.process.kill()
        worker.process.wait()
        again = self.serve("scheduler", "--data", os.path.join(self.folder, "data"), "--grpc-port",
                           scheduler.server.split(":")[1], "--queue-endpoint", scheduler.queue)
        again.wait_for("scheduler is ready")
        self.worker(scheduler)
        _, seen = watch.process.communicate(timeout=60)
        self.assertEqual(watch.process.returncode, 0, seen)
        with open(os.path.join(self.folder, "ran"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "ran\n")
        self.wait_until(lambda: not glob.glob(results), "the result is gone from the disk")

    def test_a_worker_serves_several_schedulers_and_outlives_each(self):
        schedulers = [self.scheduler(data="one"), self.scheduler(data="two")]
        worker = self.serve("worker", "--id", "w1", "--scheduler", ",".join(each.queue for each in schedulers))
        worker.wait_for("worker is ready: w1")
        for each in schedulers:
            self.deploy(each, LOG_FLOW.format(id="one", message="hi"))
            self.assert_exit(self.client(each, "exec", "start", "team/one", "--wait"), 0)
        schedulers[0].process.kill()
        schedulers[0].process.wait()
        for _ in range(3):
            self.assert_exit(self.client(schedulers[1], "exec", "start", "team/one", "--wait"), 0)
        self.assertEqual(worker.stop()[0], 0)

    def test_an_interrupted_watch_leaves_the_run(self):
        scheduler = self.scheduler()
        self.worker(scheduler)
        self.deploy(scheduler, GATED_FLOW.format(id="slow", folder=self.folder))
        watch = self.serve("exec", "start", "team/slow", "--watch", "--server", scheduler.server)
        watch.wait_for("wait RUNNING")
        code, seen = watch.stop(signal.SIGINT)
        self.assertEqual(code, 130, seen)
        self.assertRegex(seen, r"Come back with: .*headrace exec watch \w{20,} --server 127\.0\.0\.1:\d+")
        done = self.client(scheduler, "exec", "list", "--state", "RUNNING", "-o", "name")
        self.assertRegex(done.stdout, r"^\w{20,}\n$")
        self.write("go", "")

    def test_standalone_is_everything(self):
        self.write("flows/one.yaml", LOG_FLOW.format(id="one", message="hi"))
        service = self.serve("standalone", "--grpc-port", "0", "--flows", os.path.join(self.folder, "flows"))
        service.server = re.search(r"API (\S+?),", service.wait_for("slots, data headrace-data")).group(1)
        self.assert_exit(self.client(service, "exec", "start", "team/one", "--wait"), 0)
        self.assertEqual(service.stop()[0], 0)
        self.assertTrue(os.path.exists(os.path.join(self.folder, "headrace-data", "headrace.db")))

    def test_what_waits_for_a_worker_when_standalone_ends_is_nobodys_loss(self):
        self.write("flows/one.yaml", GATED_FLOW.format(id="gated", folder=self.folder).replace("    commands:", "    onWorkerLost: FAIL\n    commands:"))
        begin = lambda: self.serve("standalone", "--grpc-port", "0", "--slots", "1", "--flows", os.path.join(self.folder, "flows"))
        server = lambda one: re.search(r"API (\S+?),", one.wait_for("slots, data headrace-data")).group(1)
        first = begin()
        first.server = server(first)
        started = lambda: self.client(first, "exec", "start", "team/gated", "-o", "name").stdout.split("/")[-1].strip()
        state = lambda one, each: json.loads(self.client(one, "exec", "get", each, "-o", "json").stdout)["taskRunList"][0]["state"]["current"]
        runs, waits = started(), started()
        self.wait_until(lambda: state(first, runs) == "RUNNING" and state(first, waits) == "SUBMITTED", "one runs, one waits")
        first.process.send_signal(signal.SIGTERM)
        first.wait_for("drains")
        self.write("go", "")
        self.assertEqual(first.process.wait(60), 0)
        again = begin()
        again.server = server(again)
        for each in (runs, waits):
            self.assert_exit(self.client(again, "exec", "watch", each), 0)
        with open(os.path.join(self.folder, "begun"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "x\n" * 2)

    def test_a_locked_store_is_told(self):
        self.scheduler()
        done = self.call("scheduler", "--data", os.path.join(self.folder, "data"), "--grpc-port", "0",
                         "--queue-endpoint", "tcp://127.0.0.1:0")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"error: .*headrace\.db.*(locked|in use|another process)")

    def test_a_store_that_is_none_is_told_and_left_alone(self):
        path = self.write("data/headrace.db", "this is no database, it is a letter\n" * 100)
        done = self.call("scheduler", "--data", os.path.join(self.folder, "data"), "--grpc-port", "0",
                         "--queue-endpoint", "tcp://127.0.0.1:0")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"error: .*headrace\.db")
        with open(path, encoding="utf-8") as file:
            self.assertTrue(file.read().startswith("this is no database"))

    def test_ports_in_use_are_told(self):
        holder = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(holder.close)
        port = str(holder.getsockname()[1])
        for more in (["--grpc-port", port, "--queue-endpoint", "tcp://127.0.0.1:0"],
                     ["--grpc-port", "0", "--queue-endpoint", "tcp://127.0.0.1:" + port]):
            done = self.call("scheduler", "--data", os.path.join(self.folder, "data"), *more)
            self.assertIn(done.returncode, (1, 6), done.stderr)
            self.assertIn(port, done.stderr)
            self.assertRegex(done.stderr, r"in use")
            self.assertFalse(os.path.exists(os.path.join(self.folder, "data")), "a start that failed left its folder")

    def test_a_worker_waits_for_a_scheduler_and_says_so(self):
        holder = socket.create_server(("127.0.0.1", 0))
        address = "tcp://127.0.0.1:" + str(holder.getsockname()[1])
        holder.close()
        worker = self.serve("worker", "--scheduler", address, "--id", "w1")
        seen = worker.wait_for(f"worker w1 is waiting for a scheduler at {address}")
        self.assertNotIn("ready", seen)
        scheduler = self.serve("scheduler", "--data", os.path.join(self.folder, "data"), "--grpc-port", "0", "--queue-endpoint", address)
        worker.wait_for(f"worker is ready: w1, 8 slots, scheduler {address}")
        scheduler.process.kill()
        scheduler.process.wait()
        self.serve("scheduler", "--data", os.path.join(self.folder, "data"), "--grpc-port", "0", "--queue-endpoint", address)
        worker.process.send_signal(signal.SIGTERM)
        self.assertEqual(worker.process.wait(60), 0)

    def test_a_folder_with_two_flows_of_one_name_is_refused_whole(self):
        self.write("flows/a.yaml", LOG_FLOW.format(id="one", message="first"))
        self.write("flows/b.yaml", LOG_FLOW.format(id="one", message="second"))
        self.write("flows/c.yaml", LOG_FLOW.format(id="other", message="hi"))
        folder = os.path.join(self.folder, "flows")
        scheduler = self.scheduler()
        done = self.client(scheduler, "flow", "apply", folder)
        self.assert_exit(done, 3)
        self.assertRegex(done.stderr, r"flow team/one is in .*a\.yaml and in .*b\.yaml")
        self.assertEqual(self.client(scheduler, "flow", "list", "-o", "name").stdout, "")
        done = self.call("scheduler", "--data", os.path.join(self.folder, "other"), "--grpc-port", "0",
                         "--queue-endpoint", "tcp://127.0.0.1:0", "--flows", folder)
        self.assert_exit(done, 3)
        self.assertRegex(done.stderr, r"a\.yaml and in .*b\.yaml")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "other")))

    def test_addresses_beyond_loopback_are_refused(self):
        done = self.call("scheduler", "--data", os.path.join(self.folder, "data"), "--queue-endpoint", "tcp://0.0.0.0:0")
        self.assert_exit(done, 4)
        self.assertIn("loopback", done.stderr)

    def test_a_data_folder_that_cannot_be_made_is_told(self):
        self.write("file", "")
        done = self.call("scheduler", "--data", os.path.join(self.folder, "file", "data"))
        self.assert_exit(done, 1)
        self.assertIn("--data", done.stderr)

    def test_a_client_without_a_server_is_7(self):
        done = self.call("exec", "list", "--server", "127.0.0.1:1")
        self.assert_exit(done, 7)
        self.assertIn("127.0.0.1:1", done.stderr)

    def test_the_scheduler_does_not_keep_secrets(self):
        other = self.serve("scheduler", "--data", os.path.join(self.folder, "other"), "--grpc-port", "0",
                           "--queue-endpoint", "tcp://127.0.0.1:0", SECRET_TOKEN="b3Blbi1zZXNhbWU=")
        other.wait_for("scheduler is ready")
        self.assertEqual(other.stop()[0], 0)
        for at, _, names in os.walk(os.path.join(self.folder, "other")):
            for name in names:
                with open(os.path.join(at, name), "rb") as file:
                    self.assertNotIn(b"b3Blbi1zZXNhbWU", file.read())


if __name__ == "__main__":
    main()
