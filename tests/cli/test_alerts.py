#!/usr/bin/env python3
"""Alerts through the binary: the flows of examples/alerts against a recorder of webhooks, mail against a server with TLS."""
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import PATIENCE, ClusterTest, main  # noqa: E402

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "alerts")
KEY = "/services/T000/B000/key-of-the-hook"


class Recorder:
    """A webhook's server: `answers` are the statuses of the first calls, then it is 200."""

    def __init__(self, answers=()):
        self.calls = []
        self.changed = threading.Condition()
        answers = list(answers)
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with recorder.changed:
                    status = answers.pop(0) if answers else 200
                    recorder.calls.append((self.path, json.loads(body)))
                    recorder.changed.notify_all()
                said = b"ok" if status == 200 else b"too_busy"
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.hook = f"http://127.0.0.1:{self.server.server_port}{KEY}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.calls) >= count, PATIENCE):
                raise AssertionError(f"{len(self.calls)} of {count} alerts came")
            return [body for _, body in self.calls]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def fields(body):
    return {field["title"]: field["value"] for field in body["attachments"][0]["fields"]}


class Alerts(ClusterTest):
    def recorder(self, *answers):
        recorder = Recorder(answers)
        self.addCleanup(recorder.close)
        return recorder

    def test_errors_branch_tells_what_failed(self):
        recorder = self.recorder()
        done = self.call("run", os.path.join(EXAMPLES, "nightly.yaml"), "-o", "json", HEADRACE_SECRET_SLACK_WEBHOOK=recorder.hook,
                         HEADRACE_URL="https://flows.example.com")
        self.assertEqual(json.loads(done.stdout)["state"]["current"], "FAILED", done.stderr)
        self.assertEqual([path for path, _ in recorder.calls], [KEY])
        body = recorder.wait_for(1)[0]
        self.assertIn("[company.team] nightly ➛ FAILED", body["text"])
        self.assertIn("Failed on task `load` after ", body["text"])
        self.assertTrue(body["text"].endswith("the nightly load found no rows"), body["text"])
        self.assertEqual(body["attachments"][0]["color"], "danger")
        told = fields(body)
        self.assertEqual(told["Final task ID"], "load")
        self.assertEqual(told["Team"], "data")
        self.assertEqual(body["blocks"][0]["accessory"]["url"],
                         "https://flows.example.com/ui/main/executions/company.team/nightly/" + told["Execution ID"])
        self.assertNotIn("key-of-the-hook", done.stdout + done.stderr)

    def test_retry_asks_a_busy_service_again(self):
        recorder = self.recorder(429, 503)
        done = self.call("run", os.path.join(EXAMPLES, "nightly.yaml"), "-o", "json", HEADRACE_SECRET_SLACK_WEBHOOK=recorder.hook,
                         HEADRACE_TIME_SCALE="1000")
        self.assertEqual(len(recorder.wait_for(3)), 3)
        execution = json.loads(done.stdout)
        runs = {run["taskId"]: run for run in execution["taskRunList"]}
        self.assertEqual(runs["tell_slack"]["state"]["current"], "SUCCESS", done.stderr)
        self.assertEqual(len(runs["tell_slack"]["attempts"]), 3)
        self.assertNotIn("key-of-the-hook", done.stdout + done.stderr)

    def test_flow_trigger_tells_of_other_flows(self):
        recorder = self.recorder()
        service = self.serve("standalone", "--grpc-port", "0", HEADRACE_SECRET_SLACK_WEBHOOK=recorder.hook, HEADRACE_HTTP_ALLOW="127.0.0.0/8")
        seen = service.wait_for("slots, data headrace-data")
        service.server = re.search(r"API (127\.0\.0\.1:\d+)", seen).group(1)
        self.assert_exit(self.client(service, "flow", "apply", os.path.join(EXAMPLES, "alert-on-failure.yaml")), 0)
        self.deploy(service, "id: broken\nnamespace: company.team.ingest\ntasks:\n  - id: first\n    type: io.kestra.plugin.core.debug.Return\n"
                             "    format: a\n  - id: second\n    type: io.kestra.plugin.core.execution.Fail\n")
        self.deploy(service, "id: elsewhere\nnamespace: company.other\ntasks:\n  - id: only\n    type: io.kestra.plugin.core.execution.Fail\n")
        for flow in ("company.other/elsewhere", "company.team.ingest/broken"):
            self.assert_exit(self.client(service, "exec", "start", flow), 0)
        body = recorder.wait_for(1)[0]
        self.assertIn("[company.team.ingest] broken ➛ FAILED", body["text"])
        self.assertIn("Failed on task `second` after ", body["text"])
        self.assertEqual(fields(body)["Execution Status"], "FAILED")
        self.assertEqual((body["username"], body["icon_emoji"]), ("flows", ":rotating_light:"))


class MailServer:
    """SMTP with TLS from the first byte, or after STARTTLS, with a certificate that nobody signed."""

    def __init__(self, folder, implicit):
        certificate = os.path.join(folder, "mail.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", certificate + ".key", "-out", certificate],
                       check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, certificate + ".key")
        self.implicit = implicit
        self.mails = []
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                self.serve(connection)
            except (OSError, ssl.SSLError):
                pass
            connection.close()

    def secured(self, connection):
        self.open.append(self.context.wrap_socket(connection, server_side=True))
        return self.open[-1]

    def serve(self, connection):
        secure = self.implicit
        if secure:
            connection = self.secured(connection)
        connection.sendall(b"220 test\r\n")
        lines = connection.makefile("rb")
        while line := lines.readline().strip():
            word = line.split(b" ")[0]
            if word == b"STARTTLS":
                connection.sendall(b"220 go on\r\n")
                connection = self.secured(connection)
                lines, secure = connection.makefile("rb"), True
                continue
            answers = {b"EHLO": b"250 test" if secure else b"250-test\r\n250 STARTTLS", b"DATA": b"354 go on", b"QUIT": b"221 bye"}
            connection.sendall(answers.get(word, b"250 ok") + b"\r\n")
            if word == b"DATA":
                text = b""
                while (line := lines.readline()) != b".\r\n":
                    text += line
                self.mails.append((secure, text.decode()))
                connection.sendall(b"250 ok\r\n")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for one in (self.listener, *self.open):
            one.close()


@unittest.skipUnless(shutil.which("openssl"), "makes its certificate with openssl")
class Mails(ClusterTest):
    def send(self, strategy, more=""):
        server = MailServer(self.folder, strategy == "SMTPS")
        self.addCleanup(server.close)
        flow = self.write("mail.yaml", f"""id: mail
namespace: team
tasks:
  - id: mail
    type: io.kestra.plugin.email.MailSend
    host: 127.0.0.1
    port: {server.port}
    transportStrategy: {strategy}
    from: a@example.com
    to: b@example.com
    subject: hello
    plainTextContent: text
{more}""")
        done = self.call("run", flow, "-o", "json")
        return json.loads(done.stdout)["state"]["current"], server.mails, done.stderr

    def test_certificate_is_checked_where_tls_is_asked_for(self):
        for strategy in ("SMTPS", "SMTP_TLS"):
            state, mails, said = self.send(strategy)
            self.assertEqual((state, mails), ("FAILED", []), said)
            self.assertIn("certificate", said)
            state, mails, said = self.send(strategy, "    trustedHosts: [127.0.0.1]\n")
            self.assertEqual(state, "SUCCESS", said)
            self.assertEqual([secure for secure, _ in mails], [True])
            self.assertIn("Subject: hello", mails[0][1])

    def test_smtp_takes_tls_that_is_offered(self):
        state, mails, said = self.send("SMTP")
        self.assertEqual((state, [secure for secure, _ in mails]), ("SUCCESS", [True]), said)
        self.assertEqual(self.send("SMTP", "    verifyServerIdentity: true\n")[0], "FAILED")


if __name__ == "__main__":
    main()
