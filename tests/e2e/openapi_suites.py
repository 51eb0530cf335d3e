"""Every GitHub suite with GitHub's own description between headrace and the stand-in. tools/check-openapi --suites [NAME…]

HEADRACE_BIN names the binary. One Prism a version of the API validates for all; each stand-in has a door of its own before it.
Prints a line a suite and every violation once; exit code 1 if there is one, or if a suite fails.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from check_openapi import Prism, description_of  # noqa: E402
from harness import OPENAPI, headrace_binary  # noqa: E402
from openapi_doors import read_report  # noqa: E402
from openapi_router import Router  # noqa: E402
from openapi_versions import at_version  # noqa: E402

NEWER = "2026-03-10"
SUITES = ["github_tasks", "github_release_tasks", "nightly", "release_native", "github_kestra_tasks", "gh_watch", "github_hooks",
          "github_known", "polling"]


def run(suite, settings):
    """The exit code of the suite and its last words."""
    # One Prism has to keep up with all of them.
    environment = dict({"E2E_JOBS": "2"}, **os.environ, **{OPENAPI: json.dumps(dict(settings, suite=suite))})
    done = subprocess.run([sys.executable, os.path.join(HERE, suite + ".py")], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env=environment, check=False)
    return done.returncode, done.stderr


def line_of(suite, seen, code):
    checked, outside = (sum(one[key] for one in seen) for key in ("checked", "outside"))
    violations = sum(len(one["violations"]) for one in seen)
    return (f"{suite:<22} {'ok' if code == 0 else 'FAILED':<7} {checked:>5} requests validated, {outside:>4} of other APIs, "
            f"{violations:>3} violations")


def report(ended, path):
    """Prints what was seen; whether all is well."""
    everything = read_report(path)
    for suite, (code, said) in ended.items():
        print(line_of(suite, [one for one in everything if one["suite"] == suite], code))
        if code:
            print(said[-6000:])
    print(line_of("together", everything, max(code for code, _ in ended.values())))
    for request, status, place, message in dict.fromkeys(tuple(v) for one in everything for v in one["violations"]):
        print(f"{request} -> {status}: {place}: {message}")
    for request in dict.fromkeys(request for one in everything for request in one["unknown"]):
        print(f"note: {request}: not in the description")
    return not any(code for code, _ in ended.values()) and not any(one["violations"] for one in everything)


def validators(args, router, folder, prisms):
    """Starts a Prism a version, into `prisms`; where they are, for the doors."""
    first = description_of(args.packages, args.api)
    newer = os.path.join(folder, NEWER + ".json")
    with open(first, encoding="utf-8") as old, open(newer, "w", encoding="utf-8") as new:
        json.dump(at_version(json.load(old), NEWER), new)
    for description in (first, newer):
        prisms.append(Prism(args.packages, description, router.url))
    for prism in prisms:
        prism.wait()
    places = [("127.0.0.1", prism.port) for prism in prisms]
    return {"prism": places[0], "newer": {NEWER: places[1]}, "router": router.place}


def main(argv=None):
    parser = argparse.ArgumentParser(prog="check-openapi --suites", description=__doc__.splitlines()[0])
    parser.add_argument("--packages", required=True, help="the node_modules with both packages")
    parser.add_argument("--api", default="api.github.com", help="or ghes-3.19, ghec, …")
    parser.add_argument("--parallel", type=int, default=2, help="suites at once")
    parser.add_argument("suites", nargs="*", default=SUITES)
    args = parser.parse_args(argv)
    if not headrace_binary():
        raise SystemExit("check-openapi: HEADRACE_BIN names no binary")
    router, prisms = Router(), []
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings = dict(validators(args, router, folder, prisms), report=os.path.join(folder, "report"))
            with concurrent.futures.ThreadPoolExecutor(args.parallel) as pool:
                running = {suite: pool.submit(run, suite, settings) for suite in args.suites}
                ended = {suite: one.result() for suite, one in running.items()}
            return 0 if report(ended, settings["report"]) else 1
    finally:
        for prism in prisms:
            prism.stop()
        router.stop()


if __name__ == "__main__":
    sys.exit(main())
