#!/usr/bin/env python3
"""What many waiting executions cost on each store: memory, bytes, processor time of an idle minute, a restart with them.

usage: HEADRACE_BIN=… parked.py [--count 1000000] [--stores sqlite,redis] [--kind pause|loop] [--flows 64] [--idle 60] [--folder DIR] [--json FILE]
pause: a Pause that ends in 30 days. loop: a LoopUntil that has looked once and looks again in an hour; a worker runs the look.
"""
import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time

import peers
from processes import ROOT, Headrace, Redis

WORK = 2000  # executions of one task, to see what a task costs beside those that wait
WAKES = 20000  # executions that wait for 15 seconds, to see how late they go on


def status_bytes(process, name):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))


class Store:
    """The redis-server or the data folder, and what is in it."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        self.redis = Redis(folder) if kind == "redis" else None

    def bytes(self):
        if self.redis:
            return self.redis.stored_bytes()
        data = os.path.join(self.folder, "data")
        return sum(os.path.getsize(os.path.join(data, name)) for name in os.listdir(data) if name.startswith("headrace.db"))

    def processes(self, side):
        return [side.scheduler, *([self.redis] if self.redis else [])]

    def close(self):
        if self.redis:
            self.redis.stop()


def idle(store, side, seconds):
    """Milliseconds of processor time a second, of each process that holds what waits."""
    time.sleep(2)
    before = {one.name: one.cpu_seconds() for one in store.processes(side)}
    time.sleep(seconds)
    return {one.name: (one.cpu_seconds() - before[one.name]) / seconds * 1e3 for one in store.processes(side)}


def task_cost(store, side):
    """Microseconds of processor time for an execution of one task."""
    before = {one.name: one.cpu_seconds() for one in store.processes(side)}
    side.client.tell(order="one", count=WORK)
    return {one.name: (one.cpu_seconds() - before[one.name]) / WORK * 1e6 for one in store.processes(side)}


def restarted(store, options, folder, got, title):
    """Starts again and runs a task; the side, which then goes on."""
    side = Headrace(store.redis, options, folder, deploy=False)
    first = side.client.tell(order="idle", count=1)["times"][0]
    got[title] = {"ready_s": side.ready_seconds, "first_task_done_s": time.monotonic() - side.began, "first_task_ms": first}
    side.client.tell(order=f"park_one_{options.kind}", count=1)
    got[title].update({"parked_one_s": time.monotonic() - side.began, "resident_bytes": status_bytes(side.scheduler, "RssAnon")})
    return side


def measure(kind, options, folder):
    with contextlib.closing(Store(kind, folder)) as store:
        got = {}
        side = Headrace(store.redis, options, folder)
        try:
            side.client.tell(order="one", count=WORK)
            got["task_us_without"] = task_cost(store, side)
            got["idle_ms_per_s_without"] = idle(store, side, min(options.idle, 20))
            memory, stored, cpu = status_bytes(side.scheduler, "RssAnon"), store.bytes(), side.scheduler.cpu_seconds()
            answer = side.client.tell(order=options.kind, count=options.count)
            got["park_s"], got["parked_per_s"] = answer["seconds"], options.count / answer["seconds"]
            got["answered_per_s"] = options.count / answer["accepted"]
            got["park_scheduler_cpu_us"] = (side.scheduler.cpu_seconds() - cpu) / options.count * 1e6
            got["resident_bytes"] = status_bytes(side.scheduler, "RssAnon")
            got["resident_bytes_each"] = (got["resident_bytes"] - memory) / options.count
            got["stored_bytes_each"] = (store.bytes() - stored) / options.count
            got["idle_ms_per_s"] = idle(store, side, options.idle)
            got["task_us"] = task_cost(store, side)
            woken = side.client.tell(order="wake", count=WAKES)
            got["wakes_per_s"] = woken["per_second"]
            got["wake_lag_ms"] = {"p50": peers.percentile(woken["times"], 0.5), "p99": peers.percentile(woken["times"], 0.99)}
            began = time.monotonic()
            side.close()
            got["stop_s"] = time.monotonic() - began
            side = restarted(store, options, folder, got, "restart")
            got["idle_ms_per_s_after_restart"] = idle(store, side, min(options.idle, 20))
            side.scheduler.kill()
            side.close()
            side = restarted(store, options, folder, got, "restart_after_kill")
            stored_now = side.client.tell(order="waiting", count=0)
            if stored_now["waiting"] != options.count + 2:
                raise RuntimeError(f"{kind}: {stored_now['waiting']} wait after the restarts, parked were {options.count} and one after each")
        finally:
            side.close()
        return got


def parts(used):
    return " + ".join(f"{value:,.1f}" for value in used.values()) + f" ({' + '.join(used)})"


def report(kind, got, count):
    def line(what, words):
        print(f"  {what:52} {words}")
    print(f"\n{kind}: {count:,} waiting")
    line("parked a second", f"{got['parked_per_s']:,.0f} (answered {got['answered_per_s']:,.0f}); the scheduler takes {got['park_scheduler_cpu_us']:,.0f} us each")
    line("resident memory of the scheduler", f"{got['resident_bytes'] / 1e6:,.0f} MB, {got['resident_bytes_each']:,.0f} B each")
    line("bytes in the store, each", f"{got['stored_bytes_each']:,.0f}")
    line("idle, ms of processor time a second", f"{parts(got['idle_ms_per_s'])}; without any: {parts(got['idle_ms_per_s_without'])}")
    line("an execution of one task beside them, us", f"{parts(got['task_us'])}; without any: {parts(got['task_us_without'])}")
    line("timers beside them", f"late by {got['wake_lag_ms']['p50']:,.0f} ms, p99 {got['wake_lag_ms']['p99']:,.0f} ms, {got['wakes_per_s']:,.0f} a second")
    line("end on SIGTERM", f"{got['stop_s']:.1f} s")
    for title, name in (("start again", "restart"), ("start after kill -9", "restart_after_kill")):
        one = got[name]
        line(title, f"ready in {one['ready_s']:.2f} s, first task done after {one['first_task_done_s']:.2f} s, one more parked after {one['parked_one_s']:.2f} s, "
                    f"{one['resident_bytes'] / 1e6:,.0f} MB resident")


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--stores", default="sqlite,redis")
    parser.add_argument("--kind", choices=("pause", "loop"), default="pause")
    parser.add_argument("--flows", type=int, default=64, help="that they are executions of; those of one flow lie in one partition")
    parser.add_argument("--idle", type=int, default=60, help="seconds")
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--folder", help="for the stores; a temporary one otherwise")
    parser.add_argument("--json", default=os.path.join(ROOT, "build", "peers", "parked.json"))
    return peers.parsed(parser, arguments)


def main():
    options = options_of(sys.argv[1:])
    peers.install(options.packages)
    result = {"count": options.count, "kind": options.kind, "versions": peers.versions(options)}
    for kind in options.stores.split(","):
        folder = tempfile.mkdtemp(prefix="headrace-parked-", dir=options.folder)
        try:
            result[kind] = measure(kind, options, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        report(kind, result[kind], options.count)
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    print(f"\n{options.kind}; {result['versions']['headrace']}; written: {os.path.relpath(options.json)}")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"bench-parked: {error}")
