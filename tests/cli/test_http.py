#!/usr/bin/env python3
"""HTTP of scheduler and standalone as processes: addresses, tokens, signatures, what happens at the end."""
import hashlib
import hmac
import json
import os
import re
import socket
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import ClusterTest, main  # noqa: E402

TOKEN = "0123456789abcdef"

HOOKED_FLOW = """id: hooked
namespace: team
triggers:
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: a-key
    wait: true
    returnOutputs: true
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: hi
outputs:
  - id: seen
    type: STRING
    value: "{{ trigger.body.tag }} {{ trigger.parameters.n | join('+') }} {{ trigger.headers['X-One'] | first }}"
"""


class Http(ClusterTest):
    def standalone(self, *more):
        service = self.serve("standalone", "--grpc-port", "0", "--port", "0", "--management-port", "0", *more)
        seen = service.wait_for(" slots, data ")
        service.main, service.management = re.search(r"HTTP (\S+:\d+), management (127\.0\.0\.1:\d+),", seen).groups()
        return service

    def ask(self, address, path, body=None, **headers):
        request = urllib.request.Request(f"http://{address}{path}", data=body,
                                         headers={name.replace("_", "-"): value for name, value in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def test_health_and_metrics_on_both_ports(self):
        service = self.standalone()
        for address in (service.main, service.management):
            for path in ("/health", "/health/live", "/health/ready", "/health/started"):
                self.assertEqual(self.ask(address, path), (200, '{"status":"UP"}'), address + path)
            status, page = self.ask(address, "/metrics")
            self.assertEqual(status, 200)
            self.assertRegex(page, r'(?m)^headrace_build_info\{role="standalone",version="[^"]+"\} 1$')
            self.assertRegex(page, r'(?m)^headrace_worker_slots\{state="free"\} 8$')
        self.assertEqual(json.loads(self.ask(service.management, "/info")[1])["role"], "standalone")
        self.assertEqual(service.stop()[0], 0)

    def test_what_is_not_there_and_who_may_not_ask(self):
        service = self.standalone()
        self.assertEqual(self.ask(service.main, "/nothing")[0], 404)
        self.assertEqual(self.ask(service.main, "/metrics", Host="evil.example")[0], 403)
        self.assertEqual(self.ask(service.main, "/health/live", Host="evil.example")[0], 200)

    def test_tokens_open_other_addresses(self):
        done = self.call("standalone", "--grpc-port", "0", "--port", "0", "--http-address", "0.0.0.0")
        self.assert_exit(done, 3)
        self.assertIn("--token-file", done.stderr)
        tokens = self.write("tokens", f"{TOKEN} ann viewer\n")
        os.chmod(tokens, 0o600)
        service = self.standalone("--http-address", "0.0.0.0", "--token-file", tokens)
        here = "127.0.0.1:" + service.main.rsplit(":", 1)[1]
        self.assertEqual(self.ask(here, "/metrics")[0], 401)
        self.assertEqual(self.ask(here, "/metrics", Authorization="Bearer " + TOKEN)[0], 200)
        os.chmod(tokens, 0o666)
        done = self.call("standalone", "--data", os.path.join(self.folder, "other"), "--grpc-port", "0", "--token-file", tokens)
        self.assert_exit(done, 3)
        self.assertIn("chmod go-w", done.stderr)

    def test_a_webhook_starts_a_flow(self):
        self.write("flows/hooked.yaml", HOOKED_FLOW)
        service = self.standalone("--flows", os.path.join(self.folder, "flows"))
        for base in ("/api/v1/main/executions/webhook", "/api/v1/executions/webhook"):
            answer = self.ask(service.main, base + "/team/hooked/a-key?n=1&n=2", b'{"tag": "v1"}', X_One="one")
            self.assertEqual(answer, (200, '{"seen":"v1 1+2 one"}'))
            self.assertEqual(self.ask(service.main, base + "/team/hooked/another-key", b"{}")[0], 404)
            self.assertEqual(self.ask(service.main, base + "/team/none/a-key", b"{}")[0], 404)
        self.assertEqual(service.stop()[0], 0)

    def test_a_delivery_of_github_needs_its_signature(self):
        service = self.standalone("--github-hooks", self.write("hooks", "kestra-gh a secret\n"))
        body = b'{"action":"completed"}'
        headers = {"X_GitHub_Event": "workflow_run", "X_GitHub_Delivery": "g", "Content_Type": "application/json"}
        path = "/api/v1/hooks/github/kestra-gh"
        self.assertEqual(self.ask(service.main, path, body, **headers)[0], 401)
        headers["X_Hub_Signature_256"] = "sha256=" + hmac.new(b"a secret", body, hashlib.sha256).hexdigest()
        self.assertNotEqual(self.ask(service.main, path, body, **headers)[0], 401)
        page = self.ask(service.management, "/metrics")[1]
        self.assertIn('headrace_github_deliveries_total{result="bad_signature"} 1\n', page)
        self.assertEqual(self.ask(service.management, path, body, **headers)[0], 404)

    def test_ports_are_told_and_can_be_off(self):
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = str(holder.getsockname()[1])
            for option in ("--port", "--management-port"):
                done = self.call("standalone", "--grpc-port", "0", option, port)
                self.assert_exit(done, 1)
                self.assertRegex(done.stderr, f"{option}: .*port {port} is in use")
                self.assertFalse(os.path.exists(os.path.join(self.folder, "headrace-data")), "a start that failed left its folder")
        done = self.call("standalone", "--grpc-port", "0", "--port", "http")
        self.assert_exit(done, 3)
        self.assertIn("--port must be a port", done.stderr)
        service = self.serve("standalone", "--grpc-port", "0", "--port", "off", "--management-port", "off")
        self.assertNotIn("HTTP", service.wait_for(" slots, data "))

    def test_a_scheduler_serves_too(self):
        scheduler = self.scheduler("--port", "0", "--management-port", "off")
        seen = scheduler.wait_for("HTTP ")
        address = re.search(r"HTTP (127\.0\.0\.1:\d+), data", seen).group(1)
        page = self.ask(address, "/metrics")[1]
        self.assertRegex(page, r'(?m)^headrace_workers\{state="active"\} 0$')
        self.assertIn('role="scheduler"', page)


if __name__ == "__main__":
    main()
