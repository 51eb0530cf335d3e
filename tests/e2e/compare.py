"""The same eight runs waited for by `gh run watch`, by the team's command and by `headrace gh watch`: requests, processor, end.

  HEADRACE_BIN=… python3 tests/e2e/compare.py [--packages DIR]     tools/compare installs the packages first
A client that is not installed is named and skipped. Exit code 1: another end than the others', or headrace asks too often.
The end of a scenario: each run's workflow, branch, conclusion and number of re-runs.
"""

import argparse
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import poll_cost  # noqa: E402
import poll_cpu  # noqa: E402

# What `headrace gh watch` may be charged for the scenario without a flaky run.
CHARGED_AT_MOST = 3
SCENARIOS = {
    "8 runs of 24 s, 4 jobs each, a look every 3 s": [],
    "the same, one of them red at first": ["--flaky", "1"],
}


def clients(packages):
    """Names of clients with what each lacks, None if nothing."""
    lack_gh = None if shutil.which("gh") else "gh is not installed (apt-get install gh)"
    lack_tools = None if packages else "kestra-devtools is not installed (npm)"
    return {"gh": lack_gh, "devtools": lack_tools, "headrace": None}


def play(extra, packages, runnable):
    """The figures of each client; the same scenario on a GitHub of its own, one after the other."""
    found = []
    for client in runnable:
        words = ["--client", client, "--parallel", *extra] + (["--packages", packages] if packages else [])
        one = poll_cost.measure(poll_cost.parse(words))
        print(f"  {client:<9} {one['charged']:>4} charged of {one['sent']:>4} sent, {one['cpu_seconds']:>6.2f} s of processor, "
              f"{one['seconds']:>5.1f} s, exit codes {one['codes']}", flush=True)
        found.append(one)
    return found


def faults_of(found, plain):
    for one in found:
        if any(one["codes"]):
            yield f"{one['client']} ended with {one['codes']} although every run is green at last"
        if one["state"] != found[-1]["state"]:
            yield f"{one['client']} leaves another end than headrace: {one['state']} beside {found[-1]['state']}"
        if plain and one["client"] == "headrace" and one["charged"] > CHARGED_AT_MOST:
            yield f"headrace was charged {one['charged']} requests, more than {CHARGED_AT_MOST}"


def show_end(state):
    ends = {}
    for run in state:
        key = f"{run['conclusion']}, {run['reruns']} re-runs"
        ends.setdefault(key, []).append(run["branch"])
    return "; ".join(f"{len(branches)} runs {key}" for key, branches in sorted(ends.items()))


def main(argv=None):
    parser = argparse.ArgumentParser(prog="compare", description=__doc__.splitlines()[0])
    parser.add_argument("--packages", help="the node_modules with @kestra-io/kestra-devtools")
    args = parser.parse_args(argv)
    lacking = clients(args.packages)
    for name, lack in lacking.items():
        if lack:
            print(f"{name} is left out: {lack}")
    runnable = [name for name, lack in lacking.items() if not lack]
    faults = []
    for title, extra in SCENARIOS.items():
        print(f"\n{title}:", flush=True)
        found = play(extra, args.packages, runnable)
        new = list(faults_of(found, plain=not extra))
        print(f"  end, {'not equal' if new else f'equal for {len(found)}'}: {show_end(found[-1]['state'])}")
        faults += new
    print("\nprocessor time of one look at one run:", flush=True)
    for one in poll_cpu.ways(args.packages):
        idle = one.get("idle_cpu_ms_a_second")
        beside = "" if idle is None else f"   (beside {idle} ms a second when idle)"
        print(f"  {one['way']:<50} {one['cpu_ms_a_look']:>8.1f} ms, {one['looks']} looks{beside}", flush=True)
    for fault in faults:
        print(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
