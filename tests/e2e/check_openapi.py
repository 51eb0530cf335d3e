"""Do requests and answers conform to GitHub's own description? tools/check-openapi [-- COMMAND…]

Starts the stand-in, Prism as a validating proxy before it, and a door before both, whose URL COMMAND
finds in GITHUB_API_URL. Every violation is printed with request and place; exit code 1 if there is one.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from harness import Standin  # noqa: E402
from openapi_driver import SCRIPT, drive  # noqa: E402
from openapi_proxy import Front  # noqa: E402

START_S = 180


def parse(argv):
    parser = argparse.ArgumentParser(prog="check-openapi", description=__doc__.splitlines()[0])
    parser.add_argument("--packages", required=True, help="the node_modules with both packages")
    parser.add_argument("--api", default="api.github.com", help="or ghes-3.19, ghec, …")
    parser.add_argument("--script", action="append", default=[], metavar="FILE",
                        help="a script document for the stand-in; with COMMAND")
    parser.add_argument("--port", type=int, default=0, help="of the door")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args(argv)
    args.command = args.command[1:] if args.command[:1] == ["--"] else args.command
    return args


def description_of(packages, api):
    return os.path.join(packages, "@octokit", "openapi", "generated", f"{api}.json")


class Prism:
    def __init__(self, packages, description, upstream):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._log = tempfile.TemporaryFile("w+")
        main = os.path.join(packages, "@stoplight", "prism-cli", "dist", "index.js")
        self._process = subprocess.Popen(
            ["node", main, "proxy", "-h", "127.0.0.1", "-p", str(self.port), "-v", "warn",
             description, upstream], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    def wait(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.25)
        self._log.seek(0)
        raise SystemExit(f"check-openapi: Prism did not start:\n{self._log.read()[-2000:]}")

    def stop(self):
        self._process.terminate()
        self._process.wait(20)


def main(argv=None):
    args = parse(argv)
    standin = Standin()
    prism = Prism(args.packages, description_of(args.packages, args.api), standin.url)
    try:
        prism.wait()
        front = Front(("127.0.0.1", prism.port), ("127.0.0.1", int(standin.url.rpartition(":")[2])),
                      args.port)
        code = 0
        if args.command:
            for name in args.script:
                with open(name, encoding="utf-8") as file:
                    standin.script(json.load(file))
            done = subprocess.run(args.command, check=False,
                                  env=dict(os.environ, GITHUB_API_URL=front.url))
            code = done.returncode
        else:
            standin.script(SCRIPT)
            drive(front.url)
        front.stop()
        return report(front) or code
    finally:
        prism.stop()
        standin.stop()


def report(front):
    for request, status, place, message in dict.fromkeys(front.violations):
        print(f"{request} -> {status}: {place}: {message}")
    for request in dict.fromkeys(front.unknown):
        print(f"note: {request}: not in the description")
    print(f"{front.count} requests, {len(front.violations)} violations")
    return 1 if front.violations else 0


if __name__ == "__main__":
    sys.exit(main())
