#!/usr/bin/env python3
"""Every example of a webhook that GitHub's own documentation has, at the gateway: with a right and with a wrong signature.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/webhook_examples.py --packages build/openapi/node_modules
`tools/check-webhooks` installs the examples first.
"""
import argparse
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from github_cluster import free_port  # noqa: E402
from harness import headrace_binary  # noqa: E402

SECRET = b"a secret of the hook"
EXAMPLES = "@octokit/webhooks-examples/api.github.com/index.json"


def deliver(port, event, body, signature):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    link.request("POST", "/api/v1/hooks/github/releases", body, {
        "Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": "sha256=" + signature, "User-Agent": "GitHub-Hookshot/044aadd"})
    answer = link.getresponse()
    answer.read()
    link.close()
    return answer.status


def wait_for(port, child):
    for _ in range(200):
        if child.poll() is not None:
            sys.exit(f"headrace ended with {child.returncode}")
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            link.request("GET", "/health")
            link.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("headrace does not answer")


def faults_of(port, examples):
    for event in examples:
        for number, example in enumerate(event["examples"]):
            body = json.dumps(example).encode()
            right = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
            wrong = hmac.new(b"another", body, hashlib.sha256).hexdigest()
            taken, refused = deliver(port, event["name"], body, right), deliver(port, event["name"], body, wrong)
            if taken not in (200, 202, 204):
                yield f"{event['name']} {number}: answered {taken}"
            if refused != 401:
                yield f"{event['name']} {number}: a wrong signature is answered {refused}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", required=True)
    with open(os.path.join(parser.parse_args().packages, EXAMPLES), encoding="utf-8") as file:
        examples = json.load(file)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="headrace-hooks-") as folder:
        hooks = os.path.join(folder, "hooks")
        with open(hooks, "wb") as file:
            file.write(b"releases " + SECRET + b"\n")
        child = subprocess.Popen([headrace_binary(), "standalone", "--data", os.path.join(folder, "data"), "--grpc-port", "0",
                                  "--port", str(port), "--management-port", "off", "--github-hooks", hooks],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(port, child)
            faults = list(faults_of(port, examples))
            if child.poll() is not None:
                faults.append(f"headrace ended with {child.returncode}")
        finally:
            child.terminate()
            child.wait(30)
    for fault in faults:
        print(fault)
    print(f"{sum(len(event['examples']) for event in examples)} examples, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
