#!/usr/bin/env python3
"""Traces: what a collector on loopback is told of executions, and that nobody waits for one that is away."""
import http.server
import json
import os
import re
import signal
import sys
import threading
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import LOG_FLOW, ClusterTest, main  # noqa: E402
from redis_server import RedisTest  # noqa: E402

PROCESS = "taskRunner: {type: io.kestra.plugin.core.runner.Process}"
CHILD = f"""id: child
namespace: team
tasks:
  - id: say
    type: io.kestra.plugin.scripts.shell.Script
    {PROCESS}
    script: echo "child is $TRACEPARENT"
"""
PARENT = f"""id: parent
namespace: team
labels: {{release: "1.2"}}
inputs:
  - {{id: TOKEN, type: STRING}}
tasks:
  - id: flaky
    type: io.kestra.plugin.scripts.shell.Script
    {PROCESS}
    retry: {{type: constant, interval: PT0.1S, maxAttempts: 2}}
    allowFailure: true
    script: |
      echo "flaky is $TRACEPARENT"
      exit 3
  - id: docs
    type: io.kestra.plugin.core.flow.Subflow
    namespace: team
    flowId: child
  - id: fails
    type: io.kestra.plugin.core.execution.Fail
    errorMessage: "{{{{ inputs.TOKEN }}}}"
"""


class Collector(http.server.ThreadingHTTPServer):
    """Keeps what is posted; answers with the codes it is given, then with 200."""

    daemon_threads = True

    def __init__(self, port=0, codes=()):
        self.posts, self.codes, self.lock = [], list(codes), threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def spans(self):
        with self.lock:
            bodies = [body for _, _, body, code in self.posts if code == 200]
        return [span for body in bodies for resource in body["resourceSpans"] for scope in resource["scopeSpans"] for span in scope["spans"]]

    def end(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            code = self.server.codes.pop(0) if self.server.codes else 200
            self.server.posts.append((self.path, dict(self.headers), body, code))
        self.send_response(code)
        if code == 503:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def attributes(span):
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def tree(spans, parent=None, depth=0):
    """Lines of "name result", each below its parent, in the order they began."""
    known = {span["spanId"] for span in spans}
    lines = []
    for span in sorted(spans, key=lambda one: (int(one["startTimeUnixNano"]), one["name"])):
        above = span.get("parentSpanId")
        if above != parent and not (parent is None and above not in known):
            continue
        said = attributes(span)
        result = said.get("cicd.pipeline.result") or said.get("cicd.pipeline.task.run.result")
        lines += ["  " * depth + f"{span['name']} {result}"] + tree(spans, span["spanId"], depth + 1)
    return lines


class Tracing(ClusterTest):
    def collector(self, *args, **named):
        collector = Collector(*args, **named)
        self.addCleanup(collector.end)
        return collector

    def standalone(self, *more, data="data", **environment):
        service = self.serve("standalone", "--data", os.path.join(self.folder, data), "--grpc-port", "0", *more, **environment)
        service.server = re.search(r"API (127\.0\.0\.1:\d+)", service.wait_for(" slots, ")).group(1)
        return service

    def wait_for_spans(self, collector, count):
        self.wait_until(lambda: len(collector.spans()) >= count, f"{count} spans, not {len(collector.spans())}")
        return collector.spans()

    def metric(self, service, series):
        address = re.search(r"management (127\.0\.0\.1:\d+)", service.seen.decode()).group(1)
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as answer:
            found = re.search(rf"(?m)^{re.escape(series)} (\S+)$", answer.read().decode())
        return float(found.group(1)) if found else None

    def test_an_execution_is_a_tree_of_spans(self):
        collector = self.collector()
        service = self.standalone("--otlp-endpoint", collector.url, "--management-port", "0", OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20t0p",
                                  OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test")
        self.deploy(service, CHILD)
        self.deploy(service, PARENT)
        caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        done = self.call("exec", "start", "team/parent", "-i", "TOKEN=hushhush", "--watch", "--server", service.server, TRACEPARENT=caller)
        self.assert_exit(done, 10)
        spans = self.wait_for_spans(collector, 11)
        self.assertEqual(tree(spans), [
            "RUN team/parent failure",
            "  flaky success",  # WARNING: it may fail
            "    attempt 1 failure",
            "    attempt 2 success",
            "  docs success",
            "    attempt 1 success",
            "      RUN team/child success",
            "        say success",
            "          attempt 1 success",
            "  fails failure",
            "    attempt 1 failure",
        ])
        by_name = {span["name"]: span for span in spans}
        root = by_name["RUN team/parent"]
        self.assertEqual({span["traceId"] for span in spans}, {"0af7651916cd43dd8448eb211c80319c"})
        self.assertEqual(root["parentSpanId"], "b7ad6b7169203331")
        self.assertEqual(attributes(root)["headrace.label.release"], "1.2")
        self.assertEqual(attributes(root)["error.type"], "FAILED")
        self.assertEqual(root["status"], {"code": 2})
        self.assertEqual(attributes(by_name["docs"])["headrace.task.type"], "io.kestra.plugin.core.flow.Subflow")
        for span in spans:
            self.assertLessEqual(int(root["startTimeUnixNano"]), int(span["startTimeUnixNano"]))
            self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
        # What a script was given is the span it is.
        ids = [attributes(span)["cicd.pipeline.run.id"] for span in spans if span["name"].startswith("RUN")]
        logs = "".join(self.client(service, "exec", "logs", one).stdout for one in ids)
        told = set(re.findall(r"(?:flaky|child) is (00-\S+)", logs))
        attempts = {f"00-{span['traceId']}-{span['spanId']}-01" for span in spans if span["name"].startswith("attempt")}
        self.assertEqual(len(told), 3, logs)
        self.assertLessEqual(told, attempts)
        path, headers, body, _ = collector.posts[0]
        self.assertEqual(path, "/v1/traces")
        self.assertEqual(headers["Authorization"], "Bearer t0p")
        resource = {one["key"]: one["value"] for one in body["resourceSpans"][0]["resource"]["attributes"]}
        self.assertEqual(resource["service.name"], {"stringValue": "headrace"})
        self.assertEqual(resource["deployment.environment.name"], {"stringValue": "test"})
        self.assertNotIn("hushhush", json.dumps([post[2] for post in collector.posts]))
        self.wait_until(lambda: self.metric(service, 'headrace_traces_total{result="sent"}') == 2, "both are counted")
        self.assertEqual(self.metric(service, 'headrace_trace_spans_total{result="sent"}'), len(spans))

    def test_a_restart_tells_only_what_is_new(self):
        collector = self.collector()
        service = self.standalone("--otlp-endpoint", collector.url)
        flag = os.path.join(self.folder, "flag")
        self.deploy(service, f"""id: again
namespace: team
tasks:
  - id: first
    type: io.kestra.plugin.core.log.Log
    message: x
  - id: second
    type: io.kestra.plugin.scripts.shell.Script
    {PROCESS}
    script: test -e {flag}
""")
        self.assert_exit(self.client(service, "exec", "start", "team/again", "--watch"), 10)
        first = self.wait_for_spans(collector, 5)
        self.write("flag", "")
        self.assert_exit(self.client(service, "exec", "restart", "@latest"), 0)
        self.assert_exit(self.client(service, "exec", "watch", "@latest"), 0)
        spans = self.wait_for_spans(collector, 8)
        self.assertEqual(len({span["spanId"] for span in spans}), 8, "none twice")
        self.assertEqual(tree(spans[len(first):]), ["RUN team/again success", "  second success", "    attempt 2 success"])
        self.assertEqual(tree(spans)[-3:], ["  RUN team/again success", "    second success", "      attempt 2 success"])

    def test_nobody_waits_for_a_collector_that_is_away(self):
        gone = self.collector()
        gone.end()
        service = self.standalone("--otlp-endpoint", gone.url)
        self.deploy(service, LOG_FLOW.format(id="hello", message="hi"))
        for _ in range(3):
            self.assert_exit(self.client(service, "exec", "start", "team/hello", "--watch"), 0)
        service.wait_for("the collector does not take traces")
        back = self.collector(gone.server_port, codes=[503, 429, 502])
        spans = self.wait_for_spans(back, 9)
        self.assertEqual(len({span["traceId"] for span in spans}), 3)
        code, _ = service.stop()
        self.assertEqual(code, 0)
        self.assertEqual(len(back.spans()), 9)

    def test_what_the_end_cuts_off_is_told_at_the_next_start(self):
        gone = self.collector()
        gone.end()
        service = self.standalone(OTEL_EXPORTER_OTLP_ENDPOINT=gone.url)
        self.deploy(service, LOG_FLOW.format(id="hello", message="hi"))
        self.assert_exit(self.client(service, "exec", "start", "team/hello", "--watch"), 0)
        service.wait_for("the collector does not take traces")
        service.stop(signal.SIGKILL)
        service = self.standalone(OTEL_EXPORTER_OTLP_ENDPOINT=gone.url)
        service.wait_for("the collector does not take traces")
        code, seen = service.stop()
        self.assertEqual(code, 0)
        self.assertIn("traces of 1 executions were not told to the collector before the end", seen)
        back = self.collector(gone.server_port)
        service = self.standalone(OTEL_EXPORTER_OTLP_ENDPOINT=gone.url)
        spans = self.wait_for_spans(back, 3)
        self.assertEqual(tree(spans), ["RUN team/hello success", "  say success", "    attempt 1 success"])

    def test_the_sampler_and_the_off_switch(self):
        collector = self.collector()
        service = self.standalone("--otlp-endpoint", collector.url, "--management-port", "0", OTEL_TRACES_SAMPLER="parentbased_always_off")
        self.deploy(service, CHILD)
        self.assert_exit(self.client(service, "exec", "start", "team/child", "--watch"), 0)
        self.wait_until(lambda: self.metric(service, 'headrace_traces_total{result="unsampled"}') == 1, "it is counted")
        yes = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        self.assert_exit(self.call("exec", "start", "team/child", "--watch", "--server", service.server, TRACEPARENT=yes), 0)
        self.assertEqual({span["traceId"] for span in self.wait_for_spans(collector, 3)}, {"0af7651916cd43dd8448eb211c80319c"})
        off = self.standalone("--otlp-endpoint", collector.url, data="off", OTEL_SDK_DISABLED="true")
        self.deploy(off, CHILD)
        done = self.client(off, "exec", "start", "team/child", "--watch")
        self.assert_exit(done, 0)
        self.assertNotIn("child is 00-", done.stdout + self.client(off, "exec", "logs", "@latest").stdout)

    def test_settings_that_cannot_be_meant_end_the_start(self):
        for argv, variables, said in (
                (["--otlp-endpoint", "localhost:4317"], {}, "--otlp-endpoint must be the URL"),
                ([], {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL must be"),
        ):
            done = self.call("standalone", "--data", os.path.join(self.folder, "d"), *argv, **variables)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(said, done.stderr)

    def test_a_worker_of_its_own_joins_too(self):
        collector = self.collector()
        scheduler = self.scheduler("--otlp-endpoint", collector.url)
        self.worker(scheduler)
        self.deploy(scheduler, CHILD)
        self.assert_exit(self.client(scheduler, "exec", "start", "team/child", "--watch"), 0)
        spans = self.wait_for_spans(collector, 3)
        attempt = next(span for span in spans if span["name"] == "attempt 1")
        logs = self.client(scheduler, "exec", "logs", "@latest").stdout
        self.assertIn(f"child is 00-{attempt['traceId']}-{attempt['spanId']}-01", logs)


class TakenOver(RedisTest):
    def test_who_takes_over_tells_what_the_last_owner_had_not(self):
        database = self.redis()
        gone = Collector()
        gone.end()

        def member():
            service = self.serve("scheduler", "--storage", os.path.join(self.folder, "storage"), "--grpc-port", "0", "--queue-endpoint",
                                 "tcp://127.0.0.1:0", "--partition-lease", "1s", "--otlp-endpoint", gone.url, HEADRACE_STORE=database.url())
            self.ready(service)
            return service

        one = member()
        self.worker(one, "--storage", os.path.join(self.folder, "storage"))
        self.deploy(one, LOG_FLOW.format(id="hello", message="hi"))
        self.assert_exit(self.client(one, "exec", "start", "team/hello", "--watch"), 0)
        one.wait_for("the collector does not take traces")
        one.stop(signal.SIGKILL)
        back = Collector(gone.server_port)
        self.addCleanup(back.end)
        self.assertEqual(back.spans(), [], "nothing was told")
        member()
        self.wait_until(lambda: back.spans(), "the next owner tells")
        self.assertEqual(tree(back.spans()), ["RUN team/hello success", "  say success", "    attempt 1 success"])


if __name__ == "__main__":
    main()
