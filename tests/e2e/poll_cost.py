"""What it costs GitHub's quota and this machine to wait for some runs: counts the requests of a client.

  python3 tests/e2e/poll_cost.py --client gh                          eight `gh run watch`
  python3 tests/e2e/poll_cost.py --client devtools --packages DIR     eight loops of kestra-devtools
  python3 tests/e2e/poll_cost.py --client headrace                    one `headrace gh watch` ($HEADRACE_BIN)
  python3 tests/e2e/poll_cost.py -- COMMAND…                          one command for all the runs
COMMAND finds GITHUB_API_URL, POLL_RUNS (ids), POLL_BRANCHES; `gh` is configured for the socket.
Prints one line of JSON; exit code 1 if a client failed although every run is green at last.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from github_standin.testing import Client  # noqa: E402
from harness import STANDIN, TOKEN, headrace_binary  # noqa: E402

REPO = "kestra-io/kestra"
# Node's fetch knows no other host than the one in the code.
PRELOAD = """const real = globalThis.fetch;
globalThis.fetch = (url, options) =>
  real(String(url).replace('https://api.github.com', process.env.GITHUB_API_URL), options);
"""


def parse(argv):
    parser = argparse.ArgumentParser(prog="poll_cost", description=__doc__.splitlines()[0])
    parser.add_argument("--client", choices=("gh", "devtools", "headrace"))
    parser.add_argument("--gh", default="gh", help="the gh to use")
    parser.add_argument("--packages", help="the node_modules with @kestra-io/kestra-devtools")
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=24, help="how long each run goes on")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--every", type=int, default=3, help="seconds from poll to poll")
    parser.add_argument("--parallel", action="store_true", help="jobs side by side, ending at last")
    parser.add_argument("--flaky", type=int, default=0, metavar="N",
                        help="so many of the runs have a last job that is red at first; it is run again")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args(argv)
    args.command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if bool(args.client) == bool(args.command):
        parser.error("either --client or -- COMMAND")
    return args


def plan(args, flaky):
    """Jobs one after the other, which end evenly over the time of the run, or side by side."""
    jobs = [{"name": f"job{i}"} for i in range(args.jobs)]
    if not args.parallel:
        step = args.seconds * 1000 // args.jobs
        for i, job in enumerate(jobs):
            job.update(ms=step * (i + 1), needs=[f"job{i - 1}"] if i else [])
    if flaky:
        jobs[-1]["conclusions"] = ["failure", "success"]
    return {"ms": args.seconds * 1000, "jobs": jobs}


def start(client, args):
    client.admin("POST", "/script", {"repositories": {REPO: {
        "default_branch": "develop", "workflows": {"main.yml": {}},
        "refs": {f"refs/heads/b{i}": None for i in range(args.runs)}}}})
    return [client.admin("POST", "/runs", {"repository": REPO, "workflow": "main.yml", "ref": f"b{i}",
                                           "plan": plan(args, i < args.flaky)})["id"]
            for i in range(args.runs)]


def commands(args, runs):
    if args.command:
        return [args.command]
    branches = [f"b{i}" for i in range(len(runs))]
    if args.client == "headrace":
        return [[headrace_binary(), "gh", "watch", "main.yml", "--repo", REPO, "--branches", ",".join(branches),
                 "--interval", f"PT{args.every}S", "--attempts", "2"]]
    if args.client == "gh":
        watch = f"'{args.gh}' run watch $0 --repo {REPO} --exit-status -i {args.every}"
        again = f"'{args.gh}' run rerun $0 --repo {REPO} --failed"
        return [["sh", "-c", f"{watch} || {{ {again} && {watch}; }}", str(run)] for run in runs]
    tool = os.path.join(args.packages or "node_modules", ".bin", "kestra-devtools")
    loop = (f"while ! '{tool}' checkWorkflowStatus main.yml --repo=kestra --branches=$0 --retry=1 "
            f"--require-success --githubToken=$GH_TOKEN; do sleep {args.every}; done")
    return [["sh", "-c", loop, branch] for branch in branches]


def end_state(client):
    """What has become of the runs, without ids and times: equal for equal ends."""
    return [{"workflow": run["workflow"], "branch": run["branch"], "conclusion": run["attempts"][-1][0],
             "reruns": len(run["attempts"]) - 1} for run in client.admin("GET", "/effects")[REPO]["runs"]]


def environment(folder, url, args, runs):
    given = dict(os.environ, GITHUB_API_URL=url, GH_CONFIG_DIR=folder, GH_TOKEN=TOKEN, GITHUB_TOKEN=TOKEN,
                 GH_PROMPT_DISABLED="1", GH_NO_UPDATE_NOTIFIER="1", POLL_RUNS=",".join(map(str, runs)),
                 POLL_BRANCHES=",".join(f"b{i}" for i in range(args.runs)))
    if args.client == "devtools":
        given["NODE_OPTIONS"] = f"--require {os.path.join(folder, 'preload.cjs')}"
    return given


def configure(folder, socket):
    with open(os.path.join(folder, "preload.cjs"), "w", encoding="utf-8") as file:
        file.write(PRELOAD)
    with open(os.path.join(folder, "config.yml"), "w", encoding="utf-8") as file:
        file.write(f"http_unix_socket: {socket}\n")


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(args):
    """The figures of one client, and what GitHub has at its end."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "gh.sock")
        configure(folder, path)
        standin = subprocess.Popen(
            [sys.executable, STANDIN, "--port", "0", "--socket", path, "--until-stdin-closes"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = json.loads(standin.stdout.readline())
        client = Client(first["port"])
        runs = start(client, args)
        given = environment(folder, first["url"], args, runs)
        began, cpu = time.monotonic(), cpu_of_children()
        clients = [subprocess.Popen(c, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for c in commands(args, runs)]
        codes = [c.wait() for c in clients]
        seconds, cpu = time.monotonic() - began, cpu_of_children() - cpu
        counts, state = client.admin("GET", "/state")["requests"], end_state(client)
        standin.stdin.close()
        standin.wait(10)
        standin.stdout.close()
    shown = {k: counts[k] for k in ("sent", "charged", "not_modified", "at_once")}
    return dict(client=args.client or args.command[0], runs=args.runs, seconds=round(seconds, 1), cpu_seconds=round(cpu, 2),
                codes=sorted(set(codes)), **shown, state=state)


def main(argv=None):
    found = measure(parse(argv))
    print(json.dumps(found))
    return 1 if any(found["codes"]) else 0


if __name__ == "__main__":
    sys.exit(main())
