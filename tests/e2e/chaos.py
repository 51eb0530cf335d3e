#!/usr/bin/env python3
"""Three schedulers, four workers, one Redis; somebody is killed, stopped or cut off all the time: nothing is lost or doubled.

usage: HEADRACE_BIN=… chaos.py [--faults N] [--runs N] [--seed S] [--keep]
--runs: how many task runs there are to be at least.

Every shell task leaves a mark when it begins and when it ends, with the user of the worker that ran it. In the end each
execution that was acked has ended SUCCESS with exactly the task runs and children that it has without faults, each mark has an
end, a second beginning stands only where whoever ran the first, or who gives tasks out, was hit meanwhile, and no process is left.
"""
import argparse
import concurrent.futures
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

import chaos_world
from chaos_world import DATA, PARTITION_LEASE, TASK_LEASE, World

BINARY = os.environ["HEADRACE_BIN"]
COPIES = 6
END_SECONDS = 240
# Task runs of one execution with its children, as it is without faults, and the children.
SHAPES = {"wide": (27, 0), "shell": (4, 0), "loop": (3, 0), "tree": (2 + 2 * 4 + 27, 3)}
OPEN = ("CREATED", "RUNNING", "PAUSED", "RESTARTED", "KILLING", "QUEUED", "RETRYING")
WEIGHTS = {"redis": 1, "s1": 4, "s2": 4, "s3": 4, "w1": 4, "w2": 4, "w3": 4, "w4": 4}
NAMES = {"r": "redis", "s": "scheduler", "w": "worker"}
STATES = ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED", "RETRIED")


class Recovery:
    """One scheduler's partitions, from its fault until the last of them has another owner; without Redis nobody can take any."""

    def __init__(self, before, begun, takings, world):
        self.before, self.takings = before, sorted((round(at - begun, 1), owner) for at, owner in takings)
        self.span = max(at for at, _ in takings) - begun
        during = [(node.name, since - begun, until - begun) for node in [world.nodes["redis"], *world.schedulers] for since, until in node.hits
                  if since < begun + self.span and until > begun]
        self.without_redis = sum(min(until, self.span) - max(since, 0.0) for name, since, until in during if name == "redis")
        self.took = self.span - self.without_redis
        self.away = [(name, round(since, 1), round(until, 1)) for name, since, until in during]

    def __str__(self):
        count = len(self.takings)
        after = ", ".join(f"{at} s: {owner}" for at, owner in self.takings[::max(1, count // 6)])
        return f"{self.took:.1f} s, and {self.without_redis:.1f} s without Redis, for {count} partitions of {self.before} ({after}); away meanwhile, from and until: {self.away}"


class Chaos:
    def __init__(self, world, faults, runs):
        self.world, self.wanted_faults, self.wanted_runs = world, faults, runs
        self.started = {}      # execution id: shape
        self.faults = []       # what is wrong in the end
        self.kinds = {}        # how often who was hit how
        self.recoveries = []   # the slowest last
        self.stop_watching = threading.Event()
        self.slots, self.choosing, self.being_hit = threading.Semaphore(4), threading.Lock(), set()

    # ---- work ----
    def deploy(self):
        for shape in SHAPES:
            with open(os.path.join(DATA, shape + ".yaml"), encoding="utf-8") as file:
                source = file.read()
            for copy in range(COPIES):
                path = os.path.join(self.world.folder, f"{shape}-{copy}.yaml")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(source.replace("COPY", str(copy)))
                applied = self.world.call("flow", "apply", path)
                if applied.returncode != 0:
                    raise RuntimeError(f"flow apply {path}: {applied.stderr}")

    def submit(self, number):
        shape = list(SHAPES)[number % len(SHAPES)]
        flow = f"tests.chaos/{shape}-{number // len(SHAPES) % COPIES}"
        done = self.world.call("exec", "start", flow, "-o", "name", "--idempotency-key", f"{os.path.basename(self.world.folder)}-{number}")
        if done.returncode != 0:
            raise RuntimeError(f"exec start {flow}: exit {done.returncode}: {done.stderr}")
        self.started[done.stdout.strip().split("/")[-1]] = shape

    def work(self, faults_are_over):
        """Begins executions evenly over the faults, and all that are wanted."""
        number, runs = 0, 0
        pace = self.wanted_faults * 1.0 / (self.wanted_runs / 19)
        while runs < self.wanted_runs or not faults_are_over.is_set():
            self.submit(number)
            runs += SHAPES[list(SHAPES)[number % len(SHAPES)]][0]
            number += 1
            if not faults_are_over.is_set():
                time.sleep(max(0.0, pace - 0.05))
        return runs

    # ---- faults ----
    def hit(self, name):
        chance, world = self.world.chance, self.world
        node = world.nodes[name]
        can_cut = 1 if world.can_cut else 0
        kind = chance.choices(["kill", "stop", "cut", "strand"], [5, 3, 3 * can_cut, can_cut if name[0] == "s" else 0])[0]
        if name == "redis" and kind != "kill":
            kind = "stop"
        away = chance.uniform(0.1, 2.0) if kind == "kill" else 9.0 if kind == "strand" else chance.choice([0.3, 1.0, 3.0, 6.0, 9.0])
        if name == "redis":
            away = min(away, 2.0)
        label = f"{kind} {NAMES[name[0]]}"
        self.kinds[label] = self.kinds.get(label, 0) + 1
        begun = time.time()
        node.note_hit(None if kind == "kill" else away)
        if kind == "kill":
            world.kill(node, away)
        elif kind == "stop":
            world.signal_group(node, signal.SIGSTOP)
            time.sleep(away)
            world.signal_group(node, signal.SIGCONT)
            node.hits.append([begun, time.time()])
        elif kind == "strand":
            world.strand(node, "-A")
            time.sleep(away)
            world.strand(node, "-D")
            node.hits.append([begun, time.time()])
        else:
            both_ways = chance.random() < 0.5
            world.rules(node, "-A", both_ways)
            time.sleep(away)
            world.rules(node, "-D", both_ways)
            node.hits.append([begun, time.time()])

    def storm(self):
        """Faults overlap: one begins a second, whatever those before still do to others."""
        threads = []
        for _ in range(self.wanted_faults):
            thread = threading.Thread(target=self.hit_one)
            thread.start()
            threads.append(thread)
            time.sleep(1.0)
        for thread in threads:
            thread.join()

    def hit_one(self):
        # At most two workers and two of the others at once, so that somebody is left to do the work, and none of them twice.
        with self.slots:
            with self.choosing:
                chance = self.world.chance
                workers = sum(name[0] == "w" for name in self.being_hit)
                full = {"w": workers == 2, "s": len(self.being_hit) - workers == 2}
                free = {name: weight for name, weight in WEIGHTS.items() if name not in self.being_hit and not full["w" if name[0] == "w" else "s"]}
                name = chance.choices(list(free), list(free.values()))[0]
                self.being_hit.add(name)
            self.hit(name)
            with self.choosing:
                self.being_hit.remove(name)

    def watch_partitions(self):
        """How long it takes from a fault of a scheduler until the last of its partitions has another owner."""
        owners, taken = {}, {}
        while not self.stop_watching.wait(0.1):
            now = time.time()
            for partition, owner in self.world.owners().items():
                before = owners.get(partition, owner)
                owners[partition] = owner
                if owner == before:
                    continue
                begun = [hit for node in self.world.schedulers for hit in node.hit_as(before)]
                if begun:
                    taken.setdefault((before, begun[-1]), []).append((now, owner))
        self.recoveries = sorted((Recovery(before, begun, takings, self.world) for (before, begun), takings in taken.items()), key=lambda one: one.took)

    # ---- the end ----
    def await_end(self):
        deadline, open_ones = time.monotonic() + END_SECONDS, None
        while time.monotonic() < deadline:
            open_ones = self.rows("exec", "list", "--limit", "1", *(word for state in OPEN for word in ("--state", state)))
            if not open_ones:
                return
            time.sleep(0.5)
        self.faults.append(f"stuck {END_SECONDS} s after the last fault: {str(open_ones)[:300]}")

    def check_one(self, item):
        execution, shape = item
        done = self.world.call("exec", "get", execution, "-o", "json")
        if done.returncode != 0:
            return [f"{shape} {execution} is lost: {done.stderr.strip()}"], 0
        document = json.loads(done.stdout)
        faults, runs = [], document["taskRunList"]
        state = document["state"]["current"]
        if state != "SUCCESS":
            faults.append(f"{shape} {execution} is {state}")
        wanted = SHAPES[shape][0] if shape != "tree" else 5
        if len(runs) != wanted:
            faults.append(f"{shape} {execution} has {len(runs)} task runs, not {wanted}")
        for run in runs:
            ends = [change["state"] for change in run["state"]["histories"] if change["state"] in STATES]
            if ends != ["SUCCESS"]:
                faults.append(f"{shape} {execution}: {run['taskId']} ended {ends}")
        return faults, len(runs)

    def all_executions(self):
        return self.rows("exec", "list", "--limit", "100000")

    def rows(self, *arguments):
        listed = self.world.json(*arguments)
        return listed if isinstance(listed, list) else listed["executions"]

    def check_executions(self):
        total = 0
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for faults, runs in pool.map(self.check_one, self.started.items()):
                self.faults += faults
                total += runs
        wanted = len(self.started) + sum(SHAPES[shape][1] for shape in self.started.values())
        there = len(self.all_executions())
        if there != wanted:
            self.faults.append(f"there are {there} executions with all children, not {wanted}")
        return total

    def check_marks(self):
        repeats, hit = 0, 0
        schedulers = [span for name in ("s1", "s2", "s3", "redis") for span in self.world.nodes[name].hits]
        by_user = {str(node.user): node.hits for node in self.world.nodes.values()}
        for name in sorted(os.listdir(self.world.effects)):
            with open(os.path.join(self.world.effects, name), encoding="utf-8") as file:
                marks = [line.split() for line in file]
            if not any(word == "end" for word, _, _ in marks):
                self.faults.append(f"{name} never came to its end")
            begins = [(float(at), user) for word, at, user in marks if word == "begin"]
            for (first, user), (second, _) in zip(begins, begins[1:]):
                repeats += 1
                inside = lambda span: span[0] <= second and span[1] >= first - TASK_LEASE  # noqa: E731
                if any(inside(span) for span in by_user.get(user, [])):
                    hit += 1
                elif not any(inside(span) for span in schedulers):
                    self.faults.append(f"{name} began twice, {second - first:.1f} s apart, and nobody who had to do with it was hit")
        return repeats, hit

    def run(self):
        self.world.start()
        self.deploy()
        over = threading.Event()
        watcher = threading.Thread(target=self.watch_partitions)
        watcher.start()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            work = pool.submit(self.work, over)
            self.storm()
            over.set()
            work.result()
        self.await_end()
        self.stop_watching.set()
        watcher.join()
        runs = self.check_executions()
        return runs, *self.check_marks()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and marks")
    arguments = parser.parse_args()
    can_cut = chaos_world.enter_namespace()
    folder = tempfile.mkdtemp(prefix="headrace-chaos-")
    world = World(folder, BINARY, random.Random(arguments.seed), can_cut)
    chaos, begun = Chaos(world, arguments.faults, arguments.runs), time.monotonic()
    try:
        runs, repeats, hit = chaos.run()
    finally:
        world.stop()
        left = world.left_over()
        if left:
            chaos.faults.append(f"processes left behind: {left}")
            for process, _ in left:
                try:
                    os.kill(process, 9)
                except ProcessLookupError:
                    pass
    took, spans = [one.took for one in chaos.recoveries], sorted(one.span for one in chaos.recoveries)
    at99 = int(len(took) * 0.99)
    recovery = (f"schedulers replaced {len(took)} times, after {took[len(took) // 2]:.1f} s, p99 {took[at99]:.1f} s, the time without Redis left out "
                f"({spans[at99]:.1f} s with it)") if took else "no scheduler replaced"
    # Fewer say nothing of the slowest in a hundred.
    if arguments.faults >= 100 and took and took[at99] > PARTITION_LEASE + 2:
        chaos.faults.append(f"p99 of the recoveries is {took[at99]:.1f} s, more than a partition lease and 2 s")
    print(f"{arguments.faults} faults ({', '.join(f'{count} {kind}' for kind, count in sorted(chaos.kinds.items()))}) in "
          f"{time.monotonic() - begun:.0f} s, seed {arguments.seed}: {len(chaos.started)} executions, {runs} task runs of their own; "
          f"{repeats} tasks repeated, {hit} of them on a worker that was hit; {recovery} "
          f"(partition lease {PARTITION_LEASE} s, task lease {TASK_LEASE} s); {len(chaos.faults)} faults")
    for one in chaos.recoveries[-5:]:
        if one.took > PARTITION_LEASE + 2:
            print(f"  slow: {one}")
    for fault in chaos.faults[:40]:
        print("  " + fault)
    if chaos.faults or arguments.keep:
        print(f"logs and marks are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if chaos.faults else 0


if __name__ == "__main__":
    sys.exit(main())
