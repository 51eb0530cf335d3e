#!/usr/bin/env python3
"""A data folder as one file and back: under load, after kill -9, damaged, interrupted."""
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import BINARY, LOG_FLOW, BinaryTest, main  # noqa: E402

FILES_FLOW = """id: files
namespace: team
tasks:
  - id: write
    type: io.kestra.plugin.core.storage.Write
    content: "what {{ execution.id }} wrote"
  - id: key
    type: io.kestra.plugin.core.kv.Set
    key: "{{ execution.id }}"
    value: "kept"
"""
GATED_FLOW = """id: gated
namespace: team
tasks:
  - id: gate
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - 'echo x >> {folder}/begun; while [ ! -e {folder}/go ]; do sleep 0.05; done'
  - id: after
    type: io.kestra.plugin.core.log.Log
    message: "through"
"""
PAUSED_FLOW = """id: paused
namespace: team
tasks:
  - id: ask
    type: io.kestra.plugin.core.flow.Pause
  - id: after
    type: io.kestra.plugin.core.log.Log
    message: "resumed"
"""


class Backup(BinaryTest):
    def path(self, *names):
        return os.path.join(self.folder, *names)

    def standalone(self, data):
        service = self.serve("standalone", "--data", self.path(data), "--grpc-port", "0")
        service.server = re.search(r"API (127\.0\.0\.1:\d+)", service.wait_for(", data ")).group(1)
        return service

    def client(self, service, *argv):
        return self.call(*argv, "--server", service.server)

    def deploy(self, service, text):
        self.assert_exit(self.client(service, "flow", "apply", self.write("flow.yaml", text)), 0)

    def start(self, service, flow):
        done = self.client(service, "exec", "start", flow)
        self.assert_exit(done, 0)
        return done.stdout.strip()

    def run_to_end(self, service, flow):
        execution = self.start(service, flow)
        self.assert_exit(self.client(service, "exec", "watch", execution), 0)
        return execution

    def state_of(self, service, execution):
        done = self.client(service, "exec", "get", execution, "-o", "json")
        self.assert_exit(done, 0)
        return json.loads(done.stdout)["state"]["current"]

    def small_backup(self):
        """Of a folder that nobody uses any more."""
        service = self.standalone("data")
        self.deploy(service, FILES_FLOW)
        self.run_to_end(service, "team/files")
        self.assertEqual(service.stop()[0], 0)
        self.assert_exit(self.call("backup", "one.backup", "--data", "data"), 0)
        return self.path("one.backup")

    def test_what_had_ended_is_there_and_what_ran_goes_on(self):
        service = self.standalone("data")
        for flow in (FILES_FLOW, PAUSED_FLOW, GATED_FLOW.format(folder=self.folder)):
            self.deploy(service, flow)
        paused, gated = self.start(service, "team/paused"), self.start(service, "team/gated")
        self.wait_until(lambda: os.path.exists(self.path("begun")), "the gate began")
        self.wait_until(lambda: self.state_of(service, paused) == "PAUSED", "the pause is reached")
        ended, stop = [], threading.Event()

        def load():
            while not stop.is_set():
                ended.append(self.run_to_end(service, "team/files"))

        loader = threading.Thread(target=load)
        loader.start()
        try:
            self.wait_until(lambda: len(ended) >= 5, "some executions have ended")
            before = list(ended)
            # Files may rest elsewhere.
            os.symlink("data/storage", self.path("elsewhere"))
            done = self.call("backup", "one.backup", "--data", "data", "--storage", "elsewhere", "-o", "json")
        finally:
            stop.set()
            loader.join()
        self.assert_exit(done, 0)
        self.assertIn("copying the store", done.stderr)
        self.assertGreaterEqual(json.loads(done.stdout)["files"], 2 * len(before))
        self.assertEqual(os.stat(self.path("one.backup")).st_mode & 0o777, 0o600)
        self.assertEqual([name for name in os.listdir(self.folder) if "part" in name], [])
        service.stop(signal.SIGKILL)

        self.assert_exit(self.call("restore", "one.backup", "--data", "again"), 0)
        service = self.standalone("again")
        for execution in before:
            self.assertEqual(self.state_of(service, execution), "SUCCESS")
            self.assertEqual(self.client(service, "exec", "get", execution).returncode, 0)
            with open(self.path("again", "storage", "team", "_kv", execution), encoding="utf-8") as file:
                self.assertIn("kept", file.read())
        self.assertEqual(self.state_of(service, paused), "PAUSED")
        self.assert_exit(self.client(service, "exec", "resume", paused), 0)
        self.write("go", "")
        for execution in (paused, gated):
            self.assert_exit(self.client(service, "exec", "watch", execution), 0)
        with open(self.path("begun"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "x\nx\n", "what ran is handed out again, once")
        self.assertEqual(service.stop()[0], 0)

    def test_a_backup_after_kill_9_has_what_was_answered(self):
        service = self.standalone("data")
        self.deploy(service, LOG_FLOW.format(id="one", message="hi"))
        execution = self.run_to_end(service, "team/one")
        service.stop(signal.SIGKILL)
        self.assert_exit(self.call("backup", "one.backup", "--data", "data"), 0)
        self.assert_exit(self.call("restore", "one.backup", "--data", "again"), 0)
        self.assertEqual(self.state_of(self.standalone("again"), execution), "SUCCESS")

    def test_what_is_cut_off_or_changed_is_refused_and_writes_nothing(self):
        with open(self.small_backup(), "rb") as file:
            whole = file.read()
        with tarfile.open(self.path("one.backup")) as tar:
            names = tar.getnames()
        self.assertEqual(names[:2], ["headrace-backup.json", "headrace.db"])
        self.assertEqual(names[-1], "headrace-backup.sums")
        places = [0, 300, 520, 2000, len(whole) // 3, len(whole) // 2, len(whole) - 1531]
        damaged = [whole[:size] for size in (0, 10, 512, 5000, len(whole) // 2, len(whole) - 1536)]
        damaged += [whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1:] for at in places]
        for bytes_now in damaged:
            with open(self.path("bad.backup"), "wb") as file:
                file.write(bytes_now)
            done = self.call("restore", "bad.backup", "--data", "again")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("bad.backup", done.stderr)
            self.assertIn("use another", done.stderr)
            self.assertFalse(os.path.exists(self.path("again")), done.stderr)

    def test_a_newer_or_foreign_file_is_refused(self):
        self.small_backup()
        with tarfile.open(self.path("one.backup")) as tar:
            tar.extractall(self.path("inside"), filter="data")
        for change, words in (({"headrace-backup.json": b'{"format":2,"version":"9.9"}'}, "restore it with the headrace that made it (9.9)"),
                              ({"headrace.db": None}, "schema version 9"), ({"../out": b"x"}, "no backup has")):
            self.pack("other.backup", change)
            done = self.call("restore", "other.backup", "--data", "again")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)
            self.assertFalse(os.path.exists(self.path("again")))

    def pack(self, name, change):
        """The backup anew, with some members others, and right checksums."""
        with tarfile.open(self.path("one.backup")) as tar:
            members = [(member.name, tar.extractfile(member).read()) for member in tar][:-1]
        texts = dict(members) | {key: value for key, value in change.items() if value is not None}
        if change.get("headrace.db", b"") is None:
            store = bytearray(texts["headrace.db"])
            store[60:64] = (9).to_bytes(4, "big")
            texts["headrace.db"] = bytes(store)
        sums = "".join(f"{crc32c(text):08x} {len(text)} {key}\n" for key, text in texts.items())
        texts["headrace-backup.sums"] = (sums + f"end {len(texts)} {crc32c(sums.encode()):08x}\n").encode()
        with tarfile.open(self.path(name), "w", format=tarfile.GNU_FORMAT) as tar:
            for key, text in texts.items():
                tar.addfile(*as_member(key, text))

    def test_folders_in_use_are_refused(self):
        self.small_backup()
        done = self.call("restore", "one.backup", "--data", "data")
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("is not empty", done.stderr)
        service = self.standalone("data")
        done = self.call("restore", "one.backup", "--data", "data")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(service.stop()[0], 0)
        done = self.call("backup", "one.backup", "--data", "data")
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("is there already", done.stderr)
        done = self.call("backup", "two.backup", "--data", "nowhere")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("--data", done.stderr)
        self.assertFalse(os.path.exists(self.path("two.backup")))

    def test_an_interrupted_restore_is_no_data_folder(self):
        service = self.standalone("data")
        self.deploy(service, LOG_FLOW.format(id="one", message="hi"))
        execution = self.run_to_end(service, "team/one")
        self.assertEqual(service.stop()[0], 0)
        for i in range(200):
            self.write(f"data/storage/team/_files/{i}", "x" * 1000)
        self.assert_exit(self.call("backup", "one.backup", "--data", "data"), 0)
        interrupted = 0
        for at in range(1, 30):
            data = self.path(f"again{at}")
            killed = self.restore_killed_at(data, 8 * at)
            if not os.path.exists(os.path.join(data, "headrace.db")):
                if os.path.exists(data) and os.listdir(data):
                    interrupted += 1
                    if interrupted == 1:
                        done = self.call("standalone", "--data", data, "--grpc-port", "0")
                        self.assertEqual(done.returncode, 6, done.stderr)
                        self.assertIn("was interrupted", done.stderr)
                self.assert_exit(self.call("restore", "one.backup", "--data", data), 0)
            self.assertEqual(len(os.listdir(os.path.join(data, "storage", "team", "_files"))), 200)
            if not killed:
                break
        self.assertGreater(interrupted, 0, "none was killed in the middle")
        self.assertEqual(self.state_of(self.standalone(os.path.basename(data)), execution), "SUCCESS")

    def restore_killed_at(self, data, files):
        """Killed once so many files are written; whether it was."""
        process = subprocess.Popen([BINARY, "restore", "one.backup", "--data", data], cwd=self.folder, env=self.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        staged = os.path.join(data, ".headrace-restore", "storage", "team", "_files")
        while process.poll() is None:
            try:
                enough = len(os.listdir(staged)) >= files
            except FileNotFoundError:
                enough = False
            if enough:
                process.kill()
                process.wait()
                return True
        self.assertEqual(process.returncode, 0)
        return False


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def crc_of_byte(byte):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


CRC_TABLE = [crc_of_byte(byte) for byte in range(256)]


def as_member(name, text):
    member = tarfile.TarInfo(name)
    member.size = len(text)
    return member, io.BytesIO(text)


if __name__ == "__main__":
    main()
