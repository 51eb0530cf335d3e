"""What it costs GitHub's quota to wait for some runs: counts the requests of a client.

  python3 tests/e2e/poll_cost.py --client gh                          eight `gh run watch`
  python3 tests/e2e/poll_cost.py --client devtools --packages DIR     eight loops of kestra-devtools
  python3 tests/e2e/poll_cost.py -- COMMAND…                          one command for all the runs
COMMAND finds GITHUB_API_URL, POLL_RUNS (ids), POLL_BRANCHES; `gh` is configured for the socket.
Prints one line of JSON; exit code 1 if a client failed although every run is green.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from github_standin.testing import Client  # noqa: E402
from harness import STANDIN, TOKEN  # noqa: E402

REPO = "kestra-io/kestra"
# Node's fetch knows no other host than the one in the code.
PRELOAD = """const real = globalThis.fetch;
globalThis.fetch = (url, options) =>
  real(String(url).replace('https://api.github.com', process.env.GITHUB_API_URL), options);
"""


def parse(argv):
    parser = argparse.ArgumentParser(prog="poll_cost", description=__doc__.splitlines()[0])
    parser.add_argument("--client", choices=("gh", "devtools"))
    parser.add_argument("--gh", default="gh", help="the gh to use")
    parser.add_argument("--packages", help="the node_modules with @kestra-io/kestra-devtools")
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=24, help="how long each run goes on")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--every", type=int, default=3, help="seconds from poll to poll")
    parser.add_argument("--parallel", action="store_true", help="jobs side by side, ending at last")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args(argv)
    args.command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if bool(args.client) == bool(args.command):
        parser.error("either --client or -- COMMAND")
    return args


def plan(args):
    """Jobs one after the other, which end evenly over the time of the run, or side by side."""
    if args.parallel:
        return {"ms": args.seconds * 1000, "jobs": [{"name": f"job{i}"} for i in range(args.jobs)]}
    step = args.seconds * 1000 // args.jobs
    return {"ms": args.seconds * 1000, "jobs": [
        {"name": f"job{i}", "ms": step * (i + 1), "needs": [f"job{i - 1}"] if i else []}
        for i in range(args.jobs)]}


def start(client, args):
    client.admin("POST", "/script", {"repositories": {REPO: {
        "default_branch": "develop", "workflows": {"main.yml": {}},
        "refs": {f"refs/heads/b{i}": None for i in range(args.runs)}}}})
    return [client.admin("POST", "/runs", {"repository": REPO, "workflow": "main.yml",
                                           "ref": f"b{i}", "plan": plan(args)})["id"]
            for i in range(args.runs)]


def commands(args, runs):
    if args.command:
        return [args.command]
    if args.client == "gh":
        return [[args.gh, "run", "watch", str(run), "--repo", REPO, "--exit-status", "-i",
                 str(args.every)] for run in runs]
    tool = os.path.join(args.packages or "node_modules", ".bin", "kestra-devtools")
    loop = (f"while ! '{tool}' checkWorkflowStatus main.yml --repo=kestra --branches=$0 --retry=1 "
            f"--require-success --githubToken=$GH_TOKEN; do sleep {args.every}; done")
    return [["sh", "-c", loop, f"b{i}"] for i in range(len(runs))]


def main(argv=None):
    args = parse(argv)
    with tempfile.TemporaryDirectory() as folder:
        preload, path = os.path.join(folder, "preload.cjs"), os.path.join(folder, "gh.sock")
        with open(preload, "w", encoding="utf-8") as file:
            file.write(PRELOAD)
        with open(os.path.join(folder, "config.yml"), "w", encoding="utf-8") as file:
            file.write(f"http_unix_socket: {path}\n")
        standin = subprocess.Popen(
            [sys.executable, STANDIN, "--port", "0", "--socket", path, "--until-stdin-closes"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = json.loads(standin.stdout.readline())
        client = Client(first["port"])
        runs = start(client, args)
        environment = dict(
            os.environ, GITHUB_API_URL=first["url"], GH_CONFIG_DIR=folder, GH_TOKEN=TOKEN,
            GH_PROMPT_DISABLED="1", GH_NO_UPDATE_NOTIFIER="1", POLL_RUNS=",".join(map(str, runs)),
            POLL_BRANCHES=",".join(f"b{i}" for i in range(args.runs)))
        if args.client == "devtools":
            environment["NODE_OPTIONS"] = f"--require {preload}"
        began = time.monotonic()
        clients = [subprocess.Popen(c, env=environment, stdout=subprocess.DEVNULL)
                   for c in commands(args, runs)]
        codes = [c.wait() for c in clients]
        seconds = round(time.monotonic() - began, 1)
        counts = client.admin("GET", "/state")["requests"]
        standin.stdin.close()
        standin.wait(10)
        standin.stdout.close()
    shown = {k: counts[k] for k in ("sent", "charged", "not_modified", "at_once")}
    print(json.dumps(dict(client=args.client or args.command[0], runs=args.runs, seconds=seconds,
                          codes=sorted(set(codes)), **shown)))
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
