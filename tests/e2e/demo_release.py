#!/usr/bin/env python3
"""Runs a command with a stand-in for GitHub that plays a release with a flaky job.

  demo_release.py [--summary] [--log FILE] [--script FILE] -- COMMAND...

The command gets GITHUB_API_URL, SECRET_GITHUB_TOKEN, RELEASE_BIN and PATH (with examples/release/bin).
Exit: the command's code (128 + n when a signal ended it). --summary prints, on stderr, how the
stand-in's runs ended. Without a command, waits until interrupted.
"""

import argparse
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scenarios  # noqa: E402
from harness import Standin, release_environment  # noqa: E402


def parse(argv):
    parser = argparse.ArgumentParser(usage="demo_release.py [--summary] [--log FILE] "
                                           "[--script FILE] [-- COMMAND...]",
                                     description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--summary", action="store_true", help="print the end state on stderr")
    parser.add_argument("--log", metavar="FILE", help="the requests to GitHub, one line of JSON each")
    parser.add_argument("--script", metavar="FILE", help="a script document instead of the demo's")
    options, command = argv, []
    if "--" in argv:
        at = argv.index("--")
        options, command = argv[:at], argv[at + 1:]
    return parser.parse_args(options), command


def run(command, environment):
    """The code of the command. Ctrl-C is the command's to handle: it gets it from the terminal."""
    child = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    return 128 - code if code < 0 else code


def summary(state):
    lines = ["", "GitHub, as the stand-in saw it:"]
    for name, repository in state["repositories"].items():
        for one in repository["runs"]:
            title = f"{name} {one['workflow']}"
            verdict = one["conclusion"] or one["status"]
            lines.append(f"  {title:<48} attempt {one['run_attempt']}  {verdict}")
            for attempt in one["attempts"]:
                red = [job["name"] for job in attempt["jobs"]
                       if job["conclusion"] not in ("success", None)
                       and job["run_attempt"] == attempt["number"]]
                if red:
                    lines.append(f"      attempt {attempt['number']}, not green: {', '.join(red)}")
    asked = state["requests"]
    lines.append(f"  {asked['sent']} requests, {asked['charged']} charged, statuses "
                 + ", ".join(f"{k}: {v}" for k, v in sorted(asked["by_status"].items())))
    return "\n".join(lines)


def main(argv):
    args, command = parse(argv)
    document = scenarios.demo()
    if args.script:
        with open(args.script, encoding="utf-8") as file:
            document = json.load(file)
    github = Standin(document, log=args.log)
    try:
        environment = dict(os.environ, **release_environment(github.url))
        environment["PATH"] = environment["RELEASE_BIN"] + ":" + environment.get("PATH", "")
        if command:
            code = run(command, environment)
        else:
            print(f"export GITHUB_API_URL={github.url}", flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
            code = 0
        if args.summary:
            print(summary(github.state()), file=sys.stderr)
        return code
    except FileNotFoundError as error:
        print(f"demo_release: {error}", file=sys.stderr)
        return 127
    finally:
        github.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
