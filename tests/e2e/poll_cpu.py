"""What one look at a run costs this machine's processor: the team's npx command, `headrace gh watch`, a worker of a cluster.

  HEADRACE_BIN=… python3 tests/e2e/poll_cpu.py [--packages DIR]       DIR: the node_modules with @kestra-io/kestra-devtools
Prints a line of JSON a way to look. Processor time is user and system together, of the client alone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from github_cluster import Cluster, Folder, flow, task  # noqa: E402
from harness import TOKEN, Standin, headrace_binary  # noqa: E402
from poll_cost import PRELOAD, REPO  # noqa: E402

BRANCH = "b0"


def begin():
    """A stand-in with a run that does not end, and the run's id."""
    github = Standin({"config": {"points_per_minute": 1000000}, "repositories": {REPO: {
        "default_branch": "develop", "workflows": {"main.yml": {}}, "refs": {f"refs/heads/{BRANCH}": None}}}})
    run = github.admin("POST", "/runs", {"repository": REPO, "workflow": "main.yml", "ref": BRANCH, "plan": {"reads": "never"}})
    return github, run["id"]


def cpu_of(command, environment, folder, codes):
    """Seconds of the processor that the command and what it waited for have used."""
    child = subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.stderr.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in codes:
        raise SystemExit(f"poll-cpu: {command[0]} ended with {child.returncode}: {said[-2000:]}")
    return used.ru_utime + used.ru_stime


def found(way, looks, cpu, **more):
    return dict(way=way, looks=looks, cpu_ms_a_look=round(cpu * 1000 / max(looks, 1), 2), **more)


def npx(packages, count=5):
    """The line of the team's flow, with the package installed: nothing is downloaded."""
    github, _ = begin()
    with tempfile.TemporaryDirectory() as folder:
        preload = os.path.join(folder, "preload.cjs")
        with open(preload, "w", encoding="utf-8") as file:
            file.write(PRELOAD)
        environment = dict(os.environ, GITHUB_API_URL=github.url, NODE_OPTIONS=f"--require {preload}", npm_config_offline="true",
                           npm_config_update_notifier="false")
        command = ["npx", "--yes", "@kestra-io/kestra-devtools", "checkWorkflowStatus", "main.yml", "--repo=kestra",
                   f"--branches={BRANCH}", f"--githubToken={TOKEN}"]
        cpu = sum(cpu_of(command, environment, os.path.dirname(os.path.abspath(packages)), (0,)) for _ in range(count))
    looks = github.state()["requests"]["sent"]
    github.stop()
    return found("npx kestra-devtools", looks, cpu)


def gh_watch(seconds=20):
    """A process that looks once, and one that goes on looking."""
    for way, more, codes in (("headrace gh watch --once", ["--once"], (0,)),
                             ("headrace gh watch, every second", ["--interval", "PT1S", "--timeout", f"PT{seconds}S"], (13,))):
        github, _ = begin()
        environment = dict(os.environ, GITHUB_API_URL=github.url, GITHUB_TOKEN=TOKEN)
        command = [headrace_binary(), "gh", "watch", "main.yml", "--repo", REPO, "--branches", BRANCH, *more]
        cpu = cpu_of(command, environment, None, codes)
        yield found(way, github.state()["requests"]["sent"], cpu)
        github.stop()


def cpu_now(child):
    """Seconds on a processor so far, of all threads, as the kernel counts them in nanoseconds."""
    total = 0
    for thread in os.listdir(f"/proc/{child.pid}/task"):
        with open(f"/proc/{child.pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def cluster(seconds=30):
    """A worker and a scheduler while one task waits for the run, beside the same two with nothing to do."""
    github, run = begin()
    folder = Folder(github.url)
    running = Cluster(folder, 1)
    try:
        wait = task("WaitRun", id="wait", repository=REPO, runId=run, interval="PT1S")
        running.apply(flow(wait))
        processes = {"worker": running.workers["w0"], "scheduler": running.scheduler}

        def window():
            looks, before = github.state()["requests"]["sent"], {name: cpu_now(child) for name, child in processes.items()}
            time.sleep(seconds)
            return (github.state()["requests"]["sent"] - looks,
                    {name: cpu_now(child) - before[name] for name, child in processes.items()})

        time.sleep(3)
        _, idle = window()
        running.submit()
        time.sleep(3)
        looks, busy = window()
    finally:
        running.stop()
        folder.remove()
        github.stop()
    for name in processes:
        yield found(f"{name} of a cluster, a WaitRun every second", looks, busy[name] - idle[name],
                    idle_cpu_ms_a_second=round(idle[name] * 1000 / seconds, 2))


def ways(packages=None):
    """Each way to look with its figures; without packages, headrace's only."""
    if packages:
        yield npx(packages)
    yield from gh_watch()
    yield from cluster()


def main(argv=None):
    parser = argparse.ArgumentParser(prog="poll-cpu", description=__doc__.splitlines()[0])
    parser.add_argument("--packages")
    for way in ways(parser.parse_args(argv).packages):
        print(json.dumps(way), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
