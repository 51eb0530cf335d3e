"""python3 tests/github_standin --port 0: the stand-in as a process. First line: JSON."""

import argparse
import json
import os
import signal
import sys
import threading

if __package__ in (None, ""):
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.path[:] = [p for p in sys.path if os.path.basename(p) != "github_standin"]

from github_standin.app import App  # noqa: E402
from github_standin.clock import Clock  # noqa: E402
from github_standin.errors import ApiError  # noqa: E402
from github_standin.script import apply_script  # noqa: E402
from github_standin.server import serve  # noqa: E402


TICK_S = 0.1  # how often the clock alone moves runs on, so that webhooks need no reader


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="github_standin", description="A strict stand-in for GitHub's REST interface.",
        epilog="The first line on stdout is {\"url\", \"port\", \"socket\", \"pid\"}. Outcomes are "
               "scripted with --script or over /_admin (see README.md).")
    parser.add_argument("--port", type=int, help="listen on 127.0.0.1:PORT; 0 takes a free one")
    parser.add_argument("--socket", metavar="PATH", help="listen on a unix socket (gh's "
                                                         "http_unix_socket)")
    parser.add_argument("--tls", nargs=3, metavar=("PORT", "CERT", "KEY"),
                        help="listen with TLS besides; 0 takes a free port (`tls_url` is printed)")
    parser.add_argument("--script", action="append", default=[], metavar="FILE",
                        help="a script document to start with; may be repeated")
    parser.add_argument("--time-scale", type=float, default=1.0, metavar="N",
                        help="the stand-in's clock runs N times as fast; 0 freezes it")
    parser.add_argument("--log", metavar="FILE", help="one line of JSON a request")
    parser.add_argument("--until-stdin-closes", action="store_true",
                        help="end when stdin does, so that it never outlives its starter")
    args = parser.parse_args(argv)
    if args.port is None and args.socket is None:
        args.port = 0
    return args


def main(argv=None):
    args = parse(argv)
    log = open(args.log, "a", encoding="utf-8") if args.log else None
    app = App(Clock(args.time_scale), log)
    for name in args.script:
        try:
            with open(name, encoding="utf-8") as file:
                apply_script(app, json.load(file))
        except (OSError, ValueError, ApiError) as error:
            print(f"github_standin: {name}: {error}", file=sys.stderr)
            return 2
    done = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: done.set())
    try:
        tls = (int(args.tls[0]), args.tls[1], args.tls[2]) if args.tls else None
        servers = serve(app, args.port, args.socket, tls)
    except OSError as error:
        print(f"github_standin: cannot listen: {error}", file=sys.stderr)
        return 1
    port = servers[0].server_port if args.port is not None else None
    url = f"http://127.0.0.1:{port}" if port else None
    first = {"url": url, "port": port, "socket": args.socket, "pid": os.getpid()}
    if tls:
        first["tls_url"] = f"https://localhost:{servers[-1].server_port}"
    print(json.dumps(first), flush=True)
    if args.until_stdin_closes:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), done.set()),
                         daemon=True).start()
    while not done.wait(TICK_S):
        app.tick()
    for server in servers:
        server.shutdown()
        server.server_close()
    if args.socket:
        os.unlink(args.socket)
    return 0


if __name__ == "__main__":
    sys.exit(main())
