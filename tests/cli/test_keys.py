#!/usr/bin/env python3
"""Keys of the worker queue: an address that others can reach, who is let in, who is not, and who is taken out."""
import os
import socket
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import LOG_FLOW, ClusterTest, main  # noqa: E402


class Keys(ClusterTest):
    def key(self, name):
        done = self.call("keys", "new", name)
        self.assert_exit(done, 0)
        return done.stdout.strip()

    def guarded(self, **workers):
        """A scheduler on every address of this machine that lets these keys in."""
        key = self.key("scheduler.key")
        self.write("authorized", "".join(f"{public} {name}\n" for name, public in workers.items()))
        scheduler = self.scheduler("--queue-key", "scheduler.key", "--queue-authorized", "authorized",
                                   queue="tcp://0.0.0.0:0")
        return scheduler, key

    def test_a_worker_with_a_known_key_runs_tasks_on_an_address_that_others_reach(self):
        public = self.key("w.key")
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.folder, "w.key")).st_mode), 0o600)
        self.assertEqual(self.call("keys", "show", "w.key").stdout.strip(), public)
        scheduler, key = self.guarded(pool=public)
        self.worker(scheduler, "--key", "w.key", "--scheduler-key", key)
        self.deploy(scheduler, LOG_FLOW.format(id="one", message="hi"))
        self.assert_exit(self.client(scheduler, "exec", "start", "team/one", "--watch"), 0)

    def test_others_are_refused_and_told_why(self):
        known = self.key("known.key")
        other = self.key("other.key")
        scheduler, key = self.guarded(pool=known)
        stranger = self.serve("worker", "--scheduler", scheduler.queue, "--key", "other.key", "--scheduler-key", key)
        self.assertIn(f"{other} NAME", stranger.wait_for("--queue-authorized"))
        misled = self.serve("worker", "--scheduler", scheduler.queue, "--key", "known.key", "--scheduler-key", other)
        misled.wait_for("its key may be another than --scheduler-key says")
        plain = self.serve("worker", "--scheduler", scheduler.queue)
        plain.wait_for("--scheduler-key")
        scheduler.wait_for("is refused: its key " + other)
        self.deploy(scheduler, LOG_FLOW.format(id="one", message="hi"))
        self.assertEqual(self.client(scheduler, "worker-pool", "list", "-o", "name").stdout, "")

    def test_a_worker_that_is_let_in_later_begins_then(self):
        public = self.key("w.key")
        scheduler, key = self.guarded()
        worker = self.serve("worker", "--scheduler", scheduler.queue, "--key", "w.key", "--scheduler-key", key)
        worker.wait_for("--queue-authorized")
        self.write("authorized", f"{public} late\n")
        worker.wait_for("worker is ready")

    def test_without_keys_an_address_that_others_reach_is_refused(self):
        done = self.call("scheduler", "--data", "d", "--queue-endpoint", "tcp://0.0.0.0:0", "--grpc-port", "0")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("headrace keys new", done.stderr)
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            done = self.call("worker", "--scheduler", f"tcp://192.0.2.1:{holder.getsockname()[1]}")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--scheduler-key", done.stderr)

    def test_what_is_half_or_wrong_is_named(self):
        public = self.key("w.key")
        for words, text in ((("worker", "--key", "w.key"), "--scheduler-key"),
                            (("worker", "--key", "none", "--scheduler-key", public), "none"),
                            (("worker", "--key", "w.key", "--scheduler-key", "short"), "'short'"),
                            (("scheduler", "--data", "d", "--queue-key", "w.key"), "--queue-authorized"),
                            (("keys", "new", "w.key"), "not overwritten")):
            done = self.call(*words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(text, done.stderr)
        os.chmod(os.path.join(self.folder, "w.key"), 0o644)
        self.assertIn("chmod 600", self.call("worker", "--key", "w.key", "--scheduler-key", public).stderr)


if __name__ == "__main__":
    main()
