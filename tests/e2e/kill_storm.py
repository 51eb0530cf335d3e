#!/usr/bin/env python3
"""kill -9 of the scheduler and of workers at random times: the flow ends as it would have, nothing is lost or repeated.

usage: HEADRACE_BIN=… kill_storm.py [--kills N] [--seed S] [--redis]
--redis: the truth is in a redis-server, which writes to disk before it answers and is killed as well.

Every task appends to a file of its own when it begins and when it ends. In the end each file has at least one end, and a
second beginning only where a kill fell between the first and the second; no process of a task is left.
"""
import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "tests", "data", "kill-storm")
BINARY = os.environ["HEADRACE_BIN"]
LEASE_SECONDS = 3
WORKERS = 2
POLLS = 12
ITEMS = 6
END_SECONDS = 240


def free_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


class Storm:
    def __init__(self, folder, chance, on_redis):
        self.folder, self.chance = folder, chance
        self.redis = free_port() if on_redis else None
        self.store = ["--store", f"redis://127.0.0.1:{self.redis}"] if on_redis else ["--data", os.path.join(folder, "data")]
        self.effects = os.path.join(folder, "effects")
        os.mkdir(self.effects)
        self.grpc, self.queue = free_port(), free_port()
        self.server = f"127.0.0.1:{self.grpc}"
        self.children = {}
        self.births = 0
        self.kills = []
        self.environment = dict(os.environ, STORM_BIN=os.path.join(DATA, "mark"), STORM_EFFECTS=self.effects,
                                HEADRACE_STORM_MARK=os.path.basename(folder),
                                HEADRACE_HTTP_PORT="off", HEADRACE_MANAGEMENT_PORT="off",
                                HEADRACE_STORAGE_DIR=os.path.join(folder, "storage"))

    def start(self, name):
        endpoint = f"tcp://127.0.0.1:{self.queue}"
        program = BINARY
        if name == "redis":
            os.makedirs(os.path.join(self.folder, "redis"), exist_ok=True)
            program = "redis-server"
            command = ["--port", str(self.redis), "--bind", "127.0.0.1", "--dir", os.path.join(self.folder, "redis"), "--save", "",
                       "--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "1gb"]
        elif name == "scheduler":
            command = ["scheduler", *self.store, "--grpc-port", str(self.grpc),
                       "--queue-endpoint", endpoint, "--lease", f"PT{LEASE_SECONDS}S"]
        else:
            self.births += 1
            command = ["worker", "--scheduler", endpoint, "--slots", "4", "--id", f"{name}-{self.births}"]
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        self.children[name] = subprocess.Popen([program, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                               env=self.environment, start_new_session=True)
        log.close()

    def kill(self, name):
        child = self.children[name]
        child.kill()
        self.kills.append(time.time())
        child.wait()
        self.start(name)

    def has_suspect(self):
        """Whether a task runs that two workers were lost with: three, and it is given to no other."""
        for name in os.listdir(self.effects):
            with open(os.path.join(self.effects, name), encoding="utf-8") as file:
                marks = file.read()
            if marks.count("begin") > 2 and "end" not in marks:
                return True
        return False

    def call(self, *arguments, attempts=60):
        """A command of the client, again while no scheduler answers."""
        for _ in range(attempts):
            done = subprocess.run([BINARY, *arguments, "--server", self.server], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL)
            if done.returncode not in (7,):
                return done
            time.sleep(0.25)
        raise RuntimeError(f"no answer to {arguments}: {done.stderr}")

    def stop(self):
        for child in self.children.values():
            child.terminate()
        for child in self.children.values():
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def left_over(self):
        """Processes that carry this storm's mark in their environment."""
        mark = f"HEADRACE_STORM_MARK={os.path.basename(self.folder)}".encode()
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        with open(f"/proc/{entry}/cmdline", "rb") as line:
                            found.append((int(entry), line.read().replace(b"\0", b" ").decode(errors="replace")))
            except OSError:
                pass
        return found


def state_of(storm, execution):
    done = storm.call("exec", "get", execution, "-o", "json")
    if done.returncode != 0:
        raise RuntimeError(f"exec get: {done.returncode} {done.stderr}")
    return json.loads(done.stdout)


def unsuccessful(storm):
    """A line for each task run that did not end well, and what the log says of it."""
    lines = []
    for execution in json.loads(storm.call("exec", "list", "-o", "json").stdout):
        if execution["state"]["current"] == "SUCCESS":
            continue
        for run in state_of(storm, execution["id"])["taskRunList"]:
            if run["state"]["current"] != "SUCCESS":
                told = {key: value for key, value in run.items() if key not in ("tenantId", "namespace", "executionId", "state")}
                lines.append(f"{execution['flowId']} {execution['id']} {run['state']['current']}: {json.dumps(told)[:1500]}")
        lines += storm.call("exec", "logs", execution["id"]).stdout.splitlines()[-10:]
    return lines


def check_effects(storm, faults):
    wanted = {"last"} | {f"item-{number}" for number in range(1, ITEMS + 1)}
    for side in ("left", "right"):
        wanted |= {f"{side}-start", f"{side}-image-a", f"{side}-image-b"}
        wanted |= {f"{side}-look-{number}" for number in range(1, POLLS + 1)}
    found = set(os.listdir(storm.effects))
    if found != wanted:
        faults.append(f"effects missing: {sorted(wanted - found)}, unexpected: {sorted(found - wanted)}")
    repeats = 0
    for name in sorted(found):
        with open(os.path.join(storm.effects, name), encoding="utf-8") as file:
            marks = [(word, float(at)) for word, at in (line.split() for line in file)]
        begins = [at for word, at in marks if word == "begin"]
        if not any(word == "end" for word, _ in marks):
            faults.append(f"{name} never came to its end")
        for first, second in zip(begins, begins[1:]):
            repeats += 1
            if not any(first - 0.05 <= kill <= second for kill in storm.kills):
                faults.append(f"{name} began twice, {second - first:.1f} s apart, and no kill lay between")
    return repeats


def run(kills, seed, on_redis):
    folder = tempfile.mkdtemp(prefix="headrace-storm-")
    storm = Storm(folder, random.Random(seed), on_redis)
    faults, document, started = [], {}, time.monotonic()
    try:
        if on_redis:
            storm.start("redis")
        storm.start("scheduler")
        for number in range(1, WORKERS + 1):
            storm.start(f"worker-{number}")
        applied = storm.call("flow", "apply", DATA)
        if applied.returncode != 0:
            raise RuntimeError(f"flow apply: {applied.stderr}")
        submitted = storm.call("exec", "start", "tests.storm/storm", "-o", "json")
        execution = json.loads(submitted.stdout)["id"]
        names = list(storm.children)
        for _ in range(kills):
            time.sleep(storm.chance.uniform(0.1, 1.2))
            name = storm.chance.choice(names)
            storm.kill("scheduler" if name.startswith("worker") and storm.has_suspect() else name)
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            document = state_of(storm, execution)
            if document["state"]["current"] in ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"):
                break
            time.sleep(0.5)
        state = document["state"]["current"]
        if state != "SUCCESS":
            faults.append(f"the flow is {state}, not SUCCESS:")
            faults += unsuccessful(storm)
        merged = [run["outputs"] for run in document["taskRunList"] if run["taskId"] == "merged"]
        lines = " ".join(f'{{"item":"{number}"}}' for number in range(1, ITEMS + 1))
        if merged != [{"value": lines}]:
            faults.append(f"the outputs of the items are merged to {merged}")
        repeats = check_effects(storm, faults)
    finally:
        storm.stop()
        left = storm.left_over()
        if left:
            faults.append(f"processes left behind: {left}")
            for process, _ in left:
                try:
                    os.kill(process, 9)
                except ProcessLookupError:
                    pass
    print(f"{len(storm.kills)} kills in {time.monotonic() - started:.0f} s, seed {seed}: "
          f"{repeats} tasks were hit and repeated, {len(faults)} faults")
    if faults:
        print(*faults, sep="\n")
        for name in storm.children:
            with open(os.path.join(folder, name + ".log"), encoding="utf-8", errors="replace") as file:
                print(f"--- {name}", *file.read().splitlines()[-25:], sep="\n")
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if faults else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--redis", action="store_true")
    arguments = parser.parse_args()
    return run(arguments.kills, arguments.seed, arguments.redis)


if __name__ == "__main__":
    sys.exit(main())
