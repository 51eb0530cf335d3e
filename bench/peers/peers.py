#!/usr/bin/env python3
"""headrace and BullMQ on the same redis-server, one after the other in every round: throughput, latency, processor time, bytes, commands.

usage: HEADRACE_BIN=… peers.py [--rounds 3] [--one 10000] [--five 2000] [--idle 200] [--slots 8,64] [--fsync everysec,always] [--json FILE]
The npm packages (bench/peers/package-lock.json) go to build/peers. Each side begins with an empty database. What BullMQ does not do is in README.md.
"""
import argparse
import contextlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

from processes import HERE, ROOT, BullMq, Headrace, Redis

SIDES = (BullMq, Headrace)
TASKS = {"one": 1, "five": 5}
WARM = {"one": 1000, "five": 100, "idle": 50}
TITLES = {"one": "executions of one task", "five": "executions of five tasks in a row", "idle": "one idle task"}


def install(packages):
    """The packages of the lock file, below build/."""
    if not shutil.which("npm"):
        raise RuntimeError("npm is missing (Debian's package npm)")
    os.makedirs(packages, exist_ok=True)
    names = ("package.json", "package-lock.json", "common.mjs", "bullmq.mjs", "headrace.mjs")
    def same(name):
        at = os.path.join(packages, name)
        if not os.path.exists(at):
            return False
        with open(at, "rb") as there, open(os.path.join(HERE, name), "rb") as here:
            return there.read() == here.read()
    fetched = same("package-lock.json") and os.path.isdir(os.path.join(packages, "node_modules", "bullmq"))
    for name in names:
        shutil.copy(os.path.join(HERE, name), packages)
    if not fetched:
        done = subprocess.run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], cwd=packages, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("npm could not fetch BullMQ: " + done.stderr.strip())


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def taken(redis, side):
    """What everybody has taken so far."""
    info = redis.info()
    scripts = sum(int(value.split("calls=")[1].split(",")[0]) for name, value in info.items()
                  if name in ("cmdstat_fcall", "cmdstat_evalsha", "cmdstat_eval"))
    return {"cpu": {process.name: process.cpu_seconds() for process in [redis, *side.processes]}, "stored": redis.stored_bytes(info),
            "file": int(info["aof_current_size"]), "commands": int(info["total_commands_processed"]), "scripts": scripts,
            "sent": int(info["total_net_input_bytes"])}


def measure(redis, side, what, count):
    before = taken(redis, side)
    answer = side.client.tell(order=what, count=count)
    after = taken(redis, side)
    if what == "idle":
        return {"p50_ms": statistics.median(answer["times"]), "p99_ms": percentile(answer["times"], 0.99)}
    tasks = count * TASKS[what]
    used = {name: (after["cpu"][name] - before["cpu"][name]) / tasks * 1e6 for name in after["cpu"]}
    return {"tasks_per_second": tasks / answer["seconds"], "submitted_per_second": count / answer["accepted"],
            "cpu_us_per_task": used, "cpu_us_per_task_all": sum(used.values()),
            **{f"redis_{name}_bytes_per_execution": (after[name] - before[name]) / count for name in ("stored", "file", "sent")},
            "redis_commands_per_task": (after["commands"] - before["commands"]) / tasks,
            "redis_scripts_per_task": (after["scripts"] - before["scripts"]) / tasks}


def confirm(side, options):
    """What is stored says that everything has ended well."""
    weight = TASKS if side.name == "BullMQ" else dict.fromkeys(TASKS, 1)
    wanted = sum((getattr(options, what) + WARM[what]) * weight[what] for what in TASKS) + options.idle + WARM["idle"]
    stored = side.client.tell(order="stored")
    if stored != {"ended": wanted, "failed": 0}:
        raise RuntimeError(f"{side.name} has stored {stored}, wanted are {wanted}")


def one_side(kind, redis, options, folder):
    redis.ask("FLUSHALL")
    with contextlib.closing(kind(redis, options, folder)) as side:
        got = {}
        for what in WARM:
            side.client.tell(order=what, count=WARM[what])
            got[what] = measure(redis, side, what, getattr(options, what))
        confirm(side, options)
        return got


def rounds_of(redis, options, folder):
    rounds = []
    for number in range(options.rounds):
        # Who is first changes: the machine is not the same from one minute to the next.
        order = SIDES if number % 2 == 0 else SIDES[::-1]
        rounds.append({kind.name: one_side(kind, redis, options, tempfile.mkdtemp(dir=folder)) for kind in order})
    return rounds


def lines(rounds):
    """(title, unit, path) of every line of the table, by what the first round has."""
    for what in TASKS:
        yield f"{TITLES[what]}: tasks a second", "", (what, "tasks_per_second")
        yield "  submitted a second", "", (what, "submitted_per_second")
        yield "  processor time a task, all", "us", (what, "cpu_us_per_task_all")
        names = {name: None for side in rounds[0].values() for name in side[what]["cpu_us_per_task"]}
        for name in sorted(names):
            yield f"    {name}", "us", (what, "cpu_us_per_task", name)
        yield "  bytes in Redis, an execution", "B", (what, "redis_stored_bytes_per_execution")
        yield "  bytes in its append-only file", "B", (what, "redis_file_bytes_per_execution")
        yield "  bytes sent to it", "B", (what, "redis_sent_bytes_per_execution")
        yield "  commands a task, with those in scripts", "", (what, "redis_commands_per_task")
        yield "  scripts or functions a task", "", (what, "redis_scripts_per_task")
    yield f"{TITLES['idle']}, submit to end: p50", "ms", ("idle", "p50_ms")
    yield "  p99", "ms", ("idle", "p99_ms")


def value(one, path):
    for name in path:
        one = one.get(name) if one is not None else None
    return one


def text(values):
    if None in values:
        return "-"
    digits = 0 if statistics.median(values) >= 100 else 2
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def table(rounds):
    print(f"{'':44}{'BullMQ':>32}{'headrace':>32}   headrace / BullMQ")
    for title, unit, path in lines(rounds):
        both = [[value(one[side.name], path) for one in rounds] for side in SIDES]
        known = None not in both[0] + both[1] and all(both[0])
        ratio = text([ours / theirs for theirs, ours in zip(*both)]) if known else ""
        print(f"{title + (f' ({unit})' if unit else ''):44}{text(both[0]):>32}{text(both[1]):>32}   {ratio}")


def versions(options):
    def first(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    with open(os.path.join(HERE, "package.json"), encoding="utf-8") as file:
        packages = json.load(file)["dependencies"]
    return {"headrace": first(options.binary, "version"), "redis": first("redis-server", "--version"), "node": first("node", "--version"), **packages}


def parsed(parser, arguments):
    options = parser.parse_args(arguments)
    options.binary = os.path.abspath(os.environ.get("HEADRACE_BIN", os.path.join(ROOT, "build", "release", "bin", "headrace")))
    options.packages = os.path.join(ROOT, "build", "peers")
    return options


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 3), ("one", 10000), ("five", 2000), ("idle", 200)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--slots", default="8,64", help="tasks at once; several with commas")
    parser.add_argument("--fsync", default="everysec,always")
    parser.add_argument("--json", default=os.path.join(ROOT, "build", "peers", "result.json"))
    return parsed(parser, arguments)


def main():
    options = options_of(sys.argv[1:])
    install(options.packages)
    result = {"versions": versions(options), "counts": {what: getattr(options, what) for what in WARM}, "rounds": {}}
    folder = tempfile.mkdtemp(prefix="headrace-peers-")
    try:
        redis = Redis(folder)
        try:
            for fsync, slots in itertools.product(options.fsync.split(","), options.slots.split(",")):
                redis.ask("CONFIG", "SET", "appendfsync", fsync)
                options.slots = int(slots)
                title = f"appendfsync {fsync}, {slots} tasks at once"
                result["rounds"][title] = rounds_of(redis, options, folder)
                print(f"\n{title}, {options.rounds} rounds: median (least to most)")
                table(result["rounds"][title])
        finally:
            redis.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    print(f"\n{', '.join(f'{name} {version}' for name, version in result['versions'].items())}\nwritten: {os.path.relpath(options.json)}")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"bench-peers: {error}")
