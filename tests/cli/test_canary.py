#!/usr/bin/env python3
"""A secret in a real cluster: it is searched for in Redis' append-only file, on the wire, in every log, file and answer."""
import base64
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import main  # noqa: E402
from redis_server import RedisTest  # noqa: E402
from wire_tap import Tap  # noqa: E402

CANARY = "C4n/ry+7f3 \"=ü\" un1que"
SEALED = "Se4led-0f8e7d6c5b4a-input"
CONTROL = "c0ntrol-that-must-be-found"

CHILD_FLOW = """id: child
namespace: team
inputs:
  - {id: given, type: STRING, defaults: none}
tasks:
  - id: say
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    env: {T: "{{ secret('TOKEN') }}"}
    commands:
      - echo "child $T"
      - 'printf "::{\\"outputs\\":{\\"t\\":%s}}::\\n" "$(printf %s "$T" | base64 -w0 | sed "s/.*/\\"&\\"/")"'
outputs:
  - {id: told, type: STRING, value: "{{ outputs.say.vars.t }}"}
  - {id: given, type: STRING, value: "{{ inputs.given }}"}
"""

FLOW = """id: leaky
namespace: team
inputs:
  - {id: port, type: INT}
  - {id: sealed, type: SECRET}
variables:
  v: "{{ secret('TOKEN') }}"
tasks:
  - {id: control, type: io.kestra.plugin.core.debug.Return, format: "%(control)s"}
  - {id: log, type: io.kestra.plugin.core.log.Log, message: ["{{ secret('TOKEN') }}", "{{ secret('TOKEN') | base64encode }}", "{{ inputs.sealed }}", "{{ render(vars.v) }}"]}
  - {id: return, type: io.kestra.plugin.core.debug.Return, format: "x{{ secret('TOKEN') }}y{{ secret('TOKEN') | urlencode }}z{{ inputs.sealed }}"}
  - {id: values, type: io.kestra.plugin.core.output.OutputValues, values: {a: ["{{ secret('TOKEN') }}", {b: "{{ secret('TOKEN') | json }}"}]}}
  - {id: fail, type: io.kestra.plugin.core.execution.Fail, allowFailure: true, errorMessage: "no: {{ secret('TOKEN') }}"}
  - {id: wrong, type: io.kestra.plugin.core.debug.Return, allowFailure: true, format: "{{ secret('TOKEN') | number }}"}
  - id: echoed
    type: io.kestra.plugin.core.http.Request
    method: POST
    uri: "http://127.0.0.1:{{ inputs.port }}/{{ secret('TOKEN') | urlencode }}?q={{ secret('TOKEN') | urlencode }}"
    headers: {X-Token: "{{ secret('TOKEN') | base64encode }}"}
    contentType: text/plain
    body: "{{ secret('TOKEN') }}"
  - {id: unreached, type: io.kestra.plugin.core.http.Request, allowFailure: true, uri: "http://127.0.0.1:1/{{ secret('TOKEN') | urlencode }}"}
  - {id: refused, type: io.kestra.plugin.core.http.Request, allowFailure: true, uri: "http://127.0.0.1:{{ inputs.port }}/refuse/{{ secret('TOKEN') | urlencode }}"}
  - id: script
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    allowFailure: true
    env: {T: "{{ secret('TOKEN') }}", S: "{{ inputs.sealed }}"}
    commands:
      - echo "$T"; echo "$T" >&2; env; echo "$S"; printf '%%s' "$S" | base64
      - printf '%%s' "$T" | base64 -w0; echo; printf 'user:%%s' "$T" | base64 -w0; echo
      - printf '%%.6s' "$T"; sleep 0.3; printf '%%s\\n' "$T" | cut -c7-
      - set -x; echo "again $T"
      - printf '::{"outputs":{"t":%%s}}::\\n' '{{ secret("TOKEN") | json }}'
      - cd "/no/$T"
  - {id: uses, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.script.vars.t ?? 'none' }} {{ outputs.echoed.body }}"}
  - {id: unknown, type: io.kestra.plugin.core.flow.Subflow, allowFailure: true, namespace: team, flowId: child, inputs: {given: "{{ secret('TOKEN') }}"}}
  - {id: sub, type: io.kestra.plugin.core.flow.Subflow, namespace: team, flowId: child, wait: true, inputs: {given: "{{ outputs.return.value }}"}}
  - {id: after, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.sub.outputs }}"}
""" % {"control": CONTROL}

SPOOLED_FLOW = """id: spooled
namespace: team
tasks:
  - id: print
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    env: {T: "{{ secret('TOKEN') }}"}
    commands:
      - 'echo begun > %(folder)s/begun; while [ ! -e %(folder)s/go ]; do sleep 0.05; done'
      - printf '::{"outputs":{"t":%%s,"c":"%(control)s"}}::\\n' '{{ secret("TOKEN") | json }}'
"""


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was told: the path, the header and the body."""

    told = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.told.append(body)
        self.answer(200, self.path.encode() + b"\n" + self.headers.get("X-Token", "").encode() + b"\n" + body + b"\n")

    def do_GET(self):
        self.answer(403, b"refused: " + self.path.encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Echo", self.path)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def forms(secret):
    """What may not be found, however it is written."""
    raw = secret.encode()
    found = {secret.encode(), json.dumps(secret)[1:-1].encode(), json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
             urllib.parse.quote_plus(secret).encode(), urllib.parse.quote(secret, safe="").encode(), raw.hex().encode()}
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(raw[shift:]).rstrip(b"=")[:-2])
    return found


class Canary(RedisTest):
    def tap(self, target=None):
        tap = Tap(target)
        self.addCleanup(tap.close)
        return tap

    def setUp(self):
        super().setUp()
        self.database = self.redis()
        self.taps = {name: self.tap() for name in ("redis", "queue", "api")}
        self.taps["redis"].target = ("127.0.0.1", self.database.port)
        key = base64.b64encode(b"k" * 32).decode()
        self.scheduler_process = self.serve("scheduler", "--storage", os.path.join(self.folder, "storage"), "--grpc-port", "0",
                                            "--queue-endpoint", "tcp://127.0.0.1:0", "--advertise-workers", "tcp://" + self.taps["queue"].address,
                                            "--port", "0", "--management-port", "0", "--audit-log", os.path.join(self.folder, "audit.log"),
                                            HEADRACE_STORE="redis://" + self.taps["redis"].address, HEADRACE_ENCRYPTION_KEY=key)
        self.ready(self.scheduler_process)
        self.direct = self.scheduler_process.server
        for name, address in (("queue", self.scheduler_process.queue[len("tcp://"):]), ("api", self.direct)):
            host, port = address.split(":")
            self.taps[name].target = (host, int(port))
        self.scheduler_process.queue, self.scheduler_process.server = "tcp://" + self.taps["queue"].address, self.taps["api"].address
        self.worker_process = self.worker(self.scheduler_process, "--server", self.taps["api"].address, "--storage", os.path.join(self.folder, "storage"),
                                          "--work-dir", os.path.join(self.folder, "work"), HEADRACE_HTTP_ALLOW="127.0.0.0/8",
                                          HEADRACE_ENCRYPTION_KEY=key, SECRET_TOKEN=base64.b64encode(CANARY.encode()).decode())

    def serve_echo(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_address[1]

    def assert_nowhere(self, places):
        for secret in (CANARY, SEALED):
            for form in forms(secret):
                for place, text in places.items():
                    at = text.find(form)
                    self.assertEqual(at, -1, f"{form!r} in {place}: {text[max(0, at - 300):at + 100]!r}")

    def files(self):
        found = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.join(folder, name)] = file.read()
        return found

    def test_it_is_in_no_file_on_no_wire_and_in_no_answer(self):
        scheduler, port = self.scheduler_process, self.serve_echo()
        for text in (CHILD_FLOW, FLOW):
            self.deploy(scheduler, text)
        # A SECRET input comes in in the clear: how, is between the caller and TLS.
        done = self.call("exec", "start", "team/leaky", "--watch", "-o", "json", "-i", f"port={port}", "-i", f"sealed={SEALED}", "--server", self.direct)
        answers = {"exec start": done.stdout + done.stderr}
        execution = json.loads(done.stdout)
        states = {run["taskId"]: run["state"]["current"] for run in execution["taskRunList"]}
        expected = {**dict.fromkeys(("control", "log", "return", "values", "echoed", "uses", "sub", "after"), "SUCCESS"),
                    **dict.fromkeys(("fail", "wrong", "unreached", "refused", "script", "unknown"), "WARNING")}
        self.assertEqual(states, expected, done.stderr)
        self.assertEqual(Echo.told, [CANARY.encode()], "the server it was meant for has got it")
        ids = [one["id"] for one in json.loads(self.client(scheduler, "exec", "list", "-o", "json").stdout)]
        self.assertEqual(len(ids), 2)
        for each in ids:
            for words in (("exec", "get", each), ("exec", "get", each, "-o", "json"), ("exec", "logs", each), ("exec", "logs", each, "-o", "json"), ("exec", "watch", each)):
                answers[" ".join(words)] = self.client(scheduler, *words).stdout
        answers["list"] = self.client(scheduler, "exec", "list", "-o", "json").stdout
        everything = "".join(answers.values())
        for shown in ("******", CONTROL, "again ******", "child ******"):
            self.assertIn(shown, everything)
        seen = scheduler.seen.decode()
        for base in [word.rstrip(",") for word in seen.split() if word.startswith("127.0.0.1:")]:
            for path in ("/metrics", "/info", "/health"):
                try:
                    with urllib.request.urlopen(f"http://{base}{path}", timeout=10) as answer:
                        answers[base + path] = answer.read().decode()
                except (OSError, ValueError, http.client.HTTPException):
                    continue
        self.assertTrue(any(name.endswith("/metrics") for name in answers))
        answers["worker's log"], answers["scheduler's log"] = self.worker_process.stop()[1], scheduler.stop()[1]
        places = {**{name: text.encode() for name, text in answers.items()}, **self.files(),
                  **{"wire to " + name: tap.seen() for name, tap in self.taps.items()}}
        appended = b"".join(text for name, text in places.items() if ".aof" in name)
        for name, text in {"the append-only file": appended, **{name: places["wire to " + name] for name in self.taps}}.items():
            self.assertIn(CONTROL.encode(), text, f"the control was not in {name}: nothing would have been found there")
        self.assert_nowhere(places)

    def test_a_result_that_waits_on_disk_holds_none_of_it(self):
        scheduler = self.scheduler_process
        self.deploy(scheduler, SPOOLED_FLOW % {"folder": self.folder, "control": CONTROL})
        started = self.client(scheduler, "exec", "start", "team/spooled", "-o", "name")
        self.assert_exit(started, 0)
        self.wait_until(lambda: os.path.exists(os.path.join(self.folder, "begun")), "the task begins")
        self.taps["queue"].flowing.clear()
        self.write("go", "")
        kept = lambda: {name: text for name, text in self.files().items() if os.path.join(self.folder, "work") in name and CONTROL.encode() in text}
        deadline = time.monotonic() + 30
        while not kept():
            self.assertLess(time.monotonic(), deadline, "no result was kept on disk")
            time.sleep(0.05)
        self.assert_nowhere(self.files())
        self.taps["queue"].flowing.set()
        done = self.client(scheduler, "exec", "watch", started.stdout.split("/")[-1].strip())
        self.assert_exit(done, 0)
        self.assert_nowhere({**self.files(), **{"wire to " + name: tap.seen() for name, tap in self.taps.items()}})


if __name__ == "__main__":
    main()
