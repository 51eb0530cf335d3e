#!/usr/bin/env python3
"""The API with TLS and tokens: who may call what and where, who is refused, what the command line and the audit log say then."""
import json
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import LOG_FLOW, ClusterTest, main  # noqa: E402

TOKENS = {"worker": "w" * 20, "viewer": "v" * 20, "operator": "o" * 20, "editor": "e" * 20}

COUNT_FLOW = """id: count
namespace: team
tasks:
  - id: count
    type: io.kestra.plugin.core.execution.Count
    flows: [{namespace: team, flowId: one}]
    startDate: "{{ now() | dateAdd(-1, 'HOURS') }}"
    expression: "{{ count >= 0 }}"
"""


class Tls(ClusterTest):
    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def sign(self, name, subject, extension):
        """A certificate of our own authority: NAME.pem and NAME.key."""
        self.write(name + ".ext", extension)
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-out", name + ".csr",
                     "-subj", subject)
        self.openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out",
                     name + ".pem", "-extfile", name + ".ext")

    def setUp(self):
        super().setUp()
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                     "-days", "2", "-subj", "/CN=the authority")
        self.sign("server", "/CN=headrace", "subjectAltName=IP:127.0.0.1")
        self.write("tokens", "".join(f"{token} {role}-name {role}\n" for role, token in TOKENS.items()))

    def guarded(self, *more):
        return self.scheduler("--grpc-address", "0.0.0.0", "--grpc-cert", "server.pem", "--grpc-key", "server.key", "--token-file", "tokens", *more)

    def ask(self, scheduler, role, *words, ca="ca.pem", **more):
        if role:
            more["HEADRACE_TOKEN"] = TOKENS[role]
        return self.call(*words, "--server", scheduler.server, *(("--tls-ca", ca) if ca else ()), **more)

    def test_roles_may_what_they_are_for(self):
        scheduler = self.guarded()
        flow = self.write("one.yaml", LOG_FLOW.format(id="one", message="hi"))
        refused = self.ask(scheduler, "operator", "flow", "apply", flow)
        self.assert_exit(refused, 4)
        self.assertIn("operator-name", refused.stderr)
        self.assertIn("editor", refused.stderr)
        self.assert_exit(self.ask(scheduler, "editor", "flow", "apply", flow), 0)
        self.assert_exit(self.ask(scheduler, "viewer", "exec", "start", "team/one"), 4)
        self.assert_exit(self.ask(scheduler, "operator", "exec", "start", "team/one"), 0)
        listed = self.ask(scheduler, "viewer", "exec", "list", "-o", "json")
        self.assert_exit(listed, 0)
        self.assertEqual(len(json.loads(listed.stdout)), 1)

    def test_who_has_no_token_or_trusts_nobody_is_told_what_to_do(self):
        scheduler = self.guarded()
        missing = self.ask(scheduler, None, "flow", "list")
        self.assert_exit(missing, 4)
        self.assertIn("a token is needed", missing.stderr)
        wrong = self.ask(scheduler, None, "flow", "list", HEADRACE_TOKEN="x" * 20)
        self.assert_exit(wrong, 4)
        self.assertIn("not known", wrong.stderr)
        self.sign("stranger", "/CN=headrace", "subjectAltName=DNS:elsewhere")
        mistrusted = self.ask(scheduler, "viewer", "flow", "list", ca="stranger.pem")
        self.assert_exit(mistrusted, 7)
        self.assertIn("--tls-ca", mistrusted.stderr)
        plain = self.ask(scheduler, "viewer", "flow", "list", ca=None)
        self.assert_exit(plain, 7)
        for text in (scheduler.stop()[1], missing.stderr, wrong.stderr, mistrusted.stderr, plain.stderr):
            for token in TOKENS.values():
                self.assertNotIn(token, text)

    def apply(self, scheduler, ns):
        text = LOG_FLOW.format(id="one", message="hi " + ns).replace("namespace: team", "namespace: " + ns)
        self.assert_exit(self.ask(scheduler, "editor", "flow", "apply", self.write(ns + ".yaml", text)), 0)

    def started(self, scheduler, flow):
        done = self.ask(scheduler, "operator", "exec", "start", flow, "-o", "name")
        self.assert_exit(done, 0)
        return done.stdout.split("/")[-1].strip()

    def test_a_token_of_a_namespace_reaches_what_lies_in_it(self):
        self.write("tokens", "".join(f"{token} {role}-name {role}\n" for role, token in TOKENS.items()) + "b" * 20 + " bound-name admin team.a,lab\n")
        scheduler = self.guarded()
        bound = {"HEADRACE_TOKEN": "b" * 20}
        for ns in ("team.a", "team.a.deep", "team.ab", "team"):
            self.apply(scheduler, ns)
        ids = {ns: self.started(scheduler, ns + "/one") for ns in ("team.a", "team.a.deep", "team.ab", "team")}
        listed = json.loads(self.ask(scheduler, None, "exec", "list", "-o", "json", **bound).stdout)
        self.assertEqual({one["namespace"] for one in listed}, {"team.a", "team.a.deep"})
        flows = self.ask(scheduler, None, "flow", "list", "-o", "json", **bound)
        self.assertEqual({one["namespace"] for one in json.loads(flows.stdout)}, {"team.a", "team.a.deep"})
        missing = self.ask(scheduler, None, "exec", "get", ids["team"][:-4] + "zzzz", **bound)
        for ns, each in ids.items():
            inside = ns.startswith("team.a") and ns != "team.ab"
            for words in (("exec", "get", each), ("exec", "logs", each), ("exec", "kill", each)):
                done = self.ask(scheduler, None, *words, **bound)
                self.assertEqual(done.returncode == missing.returncode and "there is no execution" in done.stderr, not inside, (ns, words, done.stderr))
            start = self.ask(scheduler, None, "exec", "start", ns + "/one", **bound)
            self.assert_exit(start, 0 if inside else 4)
        refused = self.ask(scheduler, None, "flow", "apply", "team.yaml", **bound)
        self.assert_exit(refused, 4)
        self.assertIn("bound-name", refused.stderr)
        # The nearest name is not told where it is another's.
        near = self.ask(scheduler, None, "exec", "start", "team.a/onee", **bound)
        self.assertNotIn("team.ab", near.stderr)
        for words in (("worker-pool", "list"), ("scheduler", "list")):
            self.assert_exit(self.ask(scheduler, None, *words, **bound), 4)

    def test_tokens_are_read_again_when_the_file_changes(self):
        scheduler = self.guarded()
        self.assert_exit(self.ask(scheduler, "viewer", "flow", "list"), 0)
        self.write("tokens", "n" * 20 + " new-name viewer\n")
        self.wait_until(lambda: self.ask(scheduler, None, "flow", "list", HEADRACE_TOKEN="n" * 20).returncode == 0, "the new token is known")
        self.assert_exit(self.ask(scheduler, "viewer", "flow", "list"), 4)
        self.write("tokens", "n" * 20 + " new-name king\n")
        self.wait_until(lambda: self.ask(scheduler, None, "flow", "list", HEADRACE_TOKEN="n" * 20).returncode == 0 and self.said(scheduler, "tokens stay as they were"),
                        "the old tokens hold, and the log says why")

    def said(self, service, text):
        while select.select([service.process.stderr], [], [], 0)[0]:
            piece = os.read(service.process.stderr.fileno(), 65536)
            if not piece:
                break
            service.seen += piece
        return text in service.seen.decode()

    def test_the_audit_log_has_changes_and_refusals(self):
        scheduler = self.guarded("--audit-log", "audit.log")
        self.apply(scheduler, "team")
        execution = self.started(scheduler, "team/one")
        self.assert_exit(self.ask(scheduler, "viewer", "exec", "list"), 0)
        self.assert_exit(self.ask(scheduler, "viewer", "exec", "kill", execution), 4)
        self.assert_exit(self.ask(scheduler, "operator", "exec", "kill", execution, "--reason", "words of a person"), 0)
        os.rename(os.path.join(self.folder, "audit.log"), os.path.join(self.folder, "audit.log.1"))
        self.assert_exit(self.ask(scheduler, "viewer", "flow", "apply", "team.yaml"), 4)
        self.assertEqual(scheduler.stop()[0], 0)
        texts = []
        for name in ("audit.log.1", "audit.log"):
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                texts.append(file.read())
        lines = [json.loads(line) for line in "".join(texts).splitlines()]
        self.assertEqual([(line["who"], line["role"], line["method"], line.get("namespace"), line.get("flow"), line.get("object"), line["outcome"], line.get("denied"))
                          for line in lines], [
            ("editor-name", "editor", "FlowService/ApplyFlow", "team", "one", None, "OK", None),
            ("operator-name", "operator", "ExecutionService/SubmitExecution", "team", "one", execution, "OK", None),
            ("viewer-name", "viewer", "ExecutionService/KillExecution", None, None, None, "PERMISSION_DENIED", True),
            ("operator-name", "operator", "ExecutionService/KillExecution", "team", "one", execution, "OK", None),
            ("viewer-name", "viewer", "FlowService/ApplyFlow", None, None, None, "PERMISSION_DENIED", True)])
        self.assertEqual(len(texts[1].splitlines()), 1)
        self.assertTrue(lines[0]["peer"].startswith("ipv4:127.0.0.1:"), lines[0])
        for token in [*TOKENS.values(), "words of a person"]:
            self.assertNotIn(token, "".join(texts))

    def test_a_worker_asks_the_engine_with_its_own_role(self):
        scheduler = self.guarded()
        self.worker(scheduler, "--server", scheduler.server, "--tls-ca", "ca.pem", HEADRACE_TOKEN=TOKENS["worker"])
        for name, text in (("one", LOG_FLOW.format(id="one", message="hi")), ("count", COUNT_FLOW)):
            self.assert_exit(self.ask(scheduler, "editor", "flow", "apply", self.write(name + ".yaml", text)), 0)
        done = self.ask(scheduler, "operator", "exec", "start", "team/count", "--watch")
        self.assert_exit(done, 0)
        self.assert_exit(self.ask(scheduler, "worker", "exec", "start", "team/one"), 4)

    def test_a_certificate_of_the_client_may_be_asked_for(self):
        scheduler = self.guarded("--grpc-client-ca", "ca.pem")
        self.sign("client", "/CN=release team", "extendedKeyUsage=clientAuth")
        self.assert_exit(self.ask(scheduler, "viewer", "flow", "list"), 7)
        self.assert_exit(self.ask(scheduler, "viewer", "flow", "list", "--tls-cert", "client.pem", "--tls-key", "client.key"), 0)

    def test_http_speaks_tls_with_the_same_certificate(self):
        self.write("flows/hooked.yaml", LOG_FLOW.format(id="hooked", message="hi") + "triggers:\n  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: a-key}\n")
        service = self.guarded("--http-tls", "--port", "0", "--http-address", "0.0.0.0", "--management-port", "0", "--flows", "flows", "--audit-log", "audit.log")
        main, management = (int(port) for port in re.search(r"HTTPS \S+:(\d+), management \S+:(\d+)", service.seen.decode()).groups())
        trusting = ssl.create_default_context(cafile=os.path.join(self.folder, "ca.pem"))

        def ask(port, path, body=None, **headers):
            request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", data=body, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=60, context=trusting) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as refused:
                return refused.code, refused.read().decode()

        for port in (main, management):
            self.assertEqual(ask(port, "/health/ready"), (200, '{"status":"UP"}'))
            self.assertEqual(ask(port, "/metrics")[0], 401)
            status, page = ask(port, "/metrics", Authorization="Bearer " + TOKENS["viewer"])
            self.assertEqual(status, 200)
            self.assertIn("headrace_build_info", page)
        # Requests one after another on one connection, the second together with the first.
        with socket.create_connection(("127.0.0.1", main), timeout=60) as plain, trusting.wrap_socket(plain, server_hostname="127.0.0.1") as one:
            self.assertIn(one.version(), ("TLSv1.2", "TLSv1.3"))
            get = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
            one.sendall(get + b"\r\n" + get + b"Connection: close\r\n\r\n")
            answers = b""
            while piece := one.recv(65536):
                answers += piece
            self.assertEqual(answers.count(b"200 OK"), 2, answers)
        self.assertEqual(ask(main, "/api/v1/executions/webhook/team/hooked/a-key", b"x" * 300_000)[0], 200)
        self.assertEqual(ask(main, "/api/v1/executions/webhook/team/hooked/no-such-key", b"{}")[0], 404)
        # Who speaks in the clear, or trusts another, gets no answer.
        with socket.create_connection(("127.0.0.1", main), timeout=60) as plain:
            plain.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertNotIn(b"200", plain.recv(65536))
        with self.assertRaises(urllib.error.URLError), urllib.request.urlopen(f"https://127.0.0.1:{main}/health/live", timeout=60) as answer:
            answer.read()
        self.assertEqual(service.stop()[0], 0)
        with open(os.path.join(self.folder, "audit.log"), encoding="utf-8") as file:
            text = file.read()
        lines = [json.loads(line) for line in text.splitlines()]
        self.assertEqual([(line["method"].split()[0], line.get("namespace"), line.get("flow"), line["outcome"]) for line in lines if "webhook" in line["method"]],
                         [("POST", "team", "hooked", "200"), ("POST", "team", "hooked", "404")])
        self.assertEqual(sum(line["outcome"] == "401" for line in lines), 2)
        self.assertNotIn("such-key", text)

    def test_what_is_half_or_wrong_is_named(self):
        for words, text in ((("scheduler", "--data", "d", "--grpc-address", "0.0.0.0"), "--grpc-cert"),
                            (("scheduler", "--data", "d", "--grpc-cert", "server.pem"), "--grpc-key"),
                            (("scheduler", "--data", "d", "--grpc-cert", "server.pem", "--grpc-key", "server.key"), "--token-file"),
                            (("scheduler", "--data", "d", "--grpc-cert", "tokens", "--grpc-key", "server.key", "--token-file", "tokens"), "is no PEM file"),
                            (("scheduler", "--data", "d", "--http-tls"), "--grpc-cert"),
                            (("flow", "list", "--tls-ca", "none.pem"), "none.pem"),
                            (("flow", "list", "--tls-cert", "server.pem"), "--tls-ca")):
            done = self.call(*words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    main()
