#!/usr/bin/env python3
"""The scheduler is killed at named places of its work (rows 1 to 10 of the failures): each thing happens once, and all of it.

usage: HEADRACE_BIN=… failpoints.py [--repeats N] [--seed S]

Each life of the scheduler ends at a place of common/base/failpoint.h; in each an execution is begun with an idempotency key by a
client that asks until it is answered. The worker lives on. In the end every key has one execution and every execution its one
child, all are SUCCESS; every task has run once, one that fails once and is retried twice; and no second was passed over or had twice.
"""
import argparse
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import kill_storm

DATA = os.path.join(kill_storm.ROOT, "tests", "data", "failpoints")
NAMESPACE = "tests.failpoints"
# By place: the latest pass that one execution, or a second of the schedule, is sure to come to.
POINTS = {"submit": 1, "reply": 1, "dispatch": 10, "begun": 8, "result": 10, "ack": 10, "commit": 12, "committed": 12, "timer": 2, "trigger": 1,
          "child_begins": 1, "child_ends": 1}
LIFE_SECONDS = 60
END_SECONDS = 120


def start_execution(storm, name, found, stop):
    """Asks until it is answered, as a client with an idempotency key may."""
    while not stop.is_set():
        done = subprocess.run([kill_storm.BINARY, "exec", "start", f"{NAMESPACE}/work", "-i", f"N={name}", "--idempotency-key", name, "-o", "json",
                               "--server", storm.server], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            found[name] = json.loads(done.stdout)["id"]
            return
        time.sleep(0.1)


def live(storm, point, number, clients, found, stop):
    """One life, from its start to its place; what is wrong with its end."""
    storm.environment["HEADRACE_FAILPOINT"] = f"{point}:{storm.chance.randint(1, POINTS[point])}"
    storm.start("scheduler")
    client = threading.Thread(target=start_execution, args=(storm, f"{number:03}-{point}", found, stop))
    client.start()
    clients.append(client)
    try:
        code = storm.children["scheduler"].wait(LIFE_SECONDS)
    except subprocess.TimeoutExpired:
        storm.children["scheduler"].kill()
        storm.children["scheduler"].wait()
        return [f"{storm.environment['HEADRACE_FAILPOINT']} was not come to"]
    return [] if code == -9 else [f"{storm.environment['HEADRACE_FAILPOINT']}: the scheduler ended with {code}"]


def executions_of(storm, flow):
    done = storm.call("exec", "list", "-n", NAMESPACE, "--flow", flow, "--limit", "100000", "-o", "json")
    if done.returncode != 0:
        raise RuntimeError(f"exec list: {done.returncode} {done.stderr}")
    document = json.loads(done.stdout)
    return document if isinstance(document, list) else document["results"]


def wait_for_all(storm):
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        open_ones = [one for flow in ("work", "part", "tick") for one in executions_of(storm, flow)
                     if one["state"]["current"] not in ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED")]
        if not open_ones:
            return
        time.sleep(0.5)


def check_executions(storm, found, faults):
    works = executions_of(storm, "work")
    if sorted(one["id"] for one in works) != sorted(found.values()):
        faults.append(f"{len(works)} executions of {len(set(found.values()))} answers to {len(found)} keys")
    parts = executions_of(storm, "part")
    if len(parts) != len(works):
        faults.append(f"{len(works)} executions have {len(parts)} children")
    for one in works + parts + executions_of(storm, "tick"):
        if one["state"]["current"] not in ("SUCCESS", "WARNING"):
            faults.append(f"execution {one['id']} of {one['flowId']} is {one['state']['current']}")


def check_marks(storm, found, faults):
    wanted = {}
    for name in found:
        steps = ["first", "part", "last"] + [f"each-{i}" for i in range(1, 7)] + [f"look-{i}" for i in range(1, 4)]
        wanted.update({f"{name}-{step}": 1 for step in steps})
        wanted[f"{name}-again"] = 2
    marks = {name for name in os.listdir(storm.effects) if not name.startswith("tick-")}
    if marks != set(wanted):
        faults.append(f"missing: {sorted(set(wanted) - marks)}, unexpected: {sorted(marks - set(wanted))}")
    for name in os.listdir(storm.effects):
        with open(os.path.join(storm.effects, name), encoding="utf-8") as file:
            text = file.read()
        for word in ("begin", "end"):
            if text.count(word) != wanted.get(name, 1):
                faults.append(f"{name} has {text.count(word)} times '{word}'")


def check_ticks(storm, faults):
    ticks = sorted(name.removeprefix("tick-") for name in os.listdir(storm.effects) if name.startswith("tick-"))
    dates = [datetime.datetime.strptime(tick, "%Y%m%d%H%M%S") for tick in ticks]
    gaps = [str(first) for first, second in zip(dates, dates[1:]) if (second - first).total_seconds() != 1]
    if len(dates) < 2 or gaps:
        faults.append(f"{len(dates)} seconds were had; passed over after {gaps}")


def run(repeats, seed):
    folder = tempfile.mkdtemp(prefix="headrace-failpoints-")
    storm = kill_storm.Storm(folder, random.Random(seed), False)
    lives = [point for point in POINTS for _ in range(repeats)]
    storm.chance.shuffle(lives)
    faults, found, clients, stop, started = [], {}, [], threading.Event(), time.monotonic()
    try:
        storm.start("scheduler")
        applied = storm.call("flow", "apply", DATA)
        if applied.returncode != 0:
            raise RuntimeError(f"flow apply: {applied.stderr}")
        storm.start("worker")
        storm.children["scheduler"].kill()
        storm.children["scheduler"].wait()
        for number, point in enumerate(lives):
            faults += live(storm, point, number, clients, found, stop)
            if sys.stderr.isatty():
                print(f"\r{number + 1} of {len(lives)} lives", end="", file=sys.stderr, flush=True)
        del storm.environment["HEADRACE_FAILPOINT"]
        storm.start("scheduler")
        for client in clients:
            client.join(END_SECONDS)
        storm.call("trigger", "disable", f"{NAMESPACE}/tick/second")
        wait_for_all(storm)
        check_executions(storm, found, faults)
        check_marks(storm, found, faults)
        check_ticks(storm, faults)
    finally:
        stop.set()
        storm.stop()
    print(f"{len(lives)} lives in {time.monotonic() - started:.0f} s, seed {seed}: {len(found)} keys, {len(faults)} faults")
    if faults:
        print(*faults[:40], sep="\n")
        for name in storm.children:
            with open(os.path.join(folder, name + ".log"), encoding="utf-8", errors="replace") as file:
                print(f"--- {name}", *file.read().splitlines()[-25:], sep="\n")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if faults else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="lives that end at each place")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    return run(arguments.repeats, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
