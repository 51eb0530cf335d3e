"""The stand-in as a process: first line, unix socket, log, its end."""

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from github_standin.testing import Client

HERE = os.path.dirname(os.path.abspath(__file__))


class ProcessTest(unittest.TestCase):
    def start(self, *args):
        process = subprocess.Popen([sys.executable, HERE, "--until-stdin-closes", *args],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.kill)
        return process, json.loads(process.stdout.readline())

    def test_serves_tcp_and_a_unix_socket_and_ends_with_its_starter(self):
        with tempfile.TemporaryDirectory() as folder:
            path, log = f"{folder}/gh.sock", f"{folder}/log"
            process, first = self.start("--port", "0", "--socket", path, "--log", log)
            self.assertEqual(first["pid"], process.pid)
            github = Client(first["port"])
            github.admin("POST", "/script", {"repositories": {"a/b": {}}})
            self.assertEqual(github.get("/repos/a/b").status, 200)
            self.assertIn(b'"full_name"', self.ask(path, "/repos/a/b"))
            process.stdin.close()
            self.assertEqual(process.wait(10), 0)
            self.assertFalse(os.path.exists(path))
            with open(log, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
            self.assertEqual([(e["path"], e["status"]) for e in lines], [("/repos/a/b", 200)] * 2)
            self.assertNotIn("tok", json.dumps([e["token"] for e in lines]))

    def test_its_clock_alone_moves_runs_on(self):
        _, first = self.start("--port", "0", "--time-scale", "100")
        github = Client(first["port"])
        github.admin("POST", "/script", {
            "hooks": [{"url": "http://127.0.0.1:9/"}],
            "repositories": {"a/b": {"workflows": {"main.yml": {"plan": {"ms": 5000}}}}}})
        github.admin("POST", "/runs", {"repository": "a/b", "workflow": "main.yml"})
        end = time.monotonic() + 10
        while time.monotonic() < end:
            told = [d["action"] for d in github.admin("GET", "/deliveries")
                    if d["event"] == "workflow_run"]
            if "completed" in told:
                break
            time.sleep(0.05)
        self.assertEqual(told, ["requested", "in_progress", "completed"])

    def test_speaks_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            key, cert = f"{folder}/key", f"{folder}/cert"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                            "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                            "-keyout", key, "-out", cert], check=True, capture_output=True)
            _, first = self.start("--port", "0", "--tls", "0", cert, key)
            Client(first["port"]).admin("POST", "/script", {"repositories": {"a/b": {}}})
            trust = ssl.create_default_context(cafile=cert)
            request = urllib.request.Request(first["tls_url"] + "/repos/a/b")
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                                 urllib.request.HTTPSHandler(context=trust))
            with opener.open(request, timeout=10) as reply:
                shown = json.load(reply)
            self.assertTrue(shown["url"].startswith(first["tls_url"]))

    def test_refuses_a_bad_script(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"repos": {}}')
            file.flush()
            done = subprocess.run([sys.executable, HERE, "--script", file.name],
                                  capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("unknown repos", done.stderr)

    def ask(self, path, target):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(path)
            link.sendall(f"GET {target} HTTP/1.1\r\nHost: api.github.com\r\nUser-Agent: t\r\n"
                         "Connection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: link.recv(65536), b""))
