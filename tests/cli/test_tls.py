#!/usr/bin/env python3
"""The API with TLS and tokens: who may call what, who is refused, and what the command line says then."""
import json
import os
import subprocess
import sys

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

    def test_what_is_half_or_wrong_is_named(self):
        for words, text in ((("scheduler", "--data", "d", "--grpc-address", "0.0.0.0"), "--grpc-cert"),
                            (("scheduler", "--data", "d", "--grpc-cert", "server.pem"), "--grpc-key"),
                            (("scheduler", "--data", "d", "--grpc-cert", "server.pem", "--grpc-key", "server.key"), "--token-file"),
                            (("scheduler", "--data", "d", "--grpc-cert", "tokens", "--grpc-key", "server.key", "--token-file", "tokens"), "is no PEM file"),
                            (("flow", "list", "--tls-ca", "none.pem"), "none.pem"),
                            (("flow", "list", "--tls-cert", "server.pem"), "--tls-ca")):
            done = self.call(*words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    main()
