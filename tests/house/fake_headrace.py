#!/usr/bin/env python3
"""A headrace that only plays what tools/demo would see: it brings GitHub's runs and the chat's alert about by itself.

DEMO_TEST_LOG takes a line a call; DEMO_TEST_CODE is the exit code of what is watched (99: no scheduler starts);
DEMO_TEST_FAULT: `idle` starts no run, `silent` tells no chat, `green` finds no red cell, `hang` never ends.
"""
import json
import os
import signal
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "e2e")]

LOG, CODE, FAULT = os.environ["DEMO_TEST_LOG"], int(os.environ.get("DEMO_TEST_CODE", "0")), os.environ.get("DEMO_TEST_FAULT")
KESTRA = "kestra-io/kestra"


def scenario():
    """What the demo expects; imported by those who need it, for this program is started often."""
    from demo_parts import scenario as found
    return found


def note():
    kept = {name: os.environ.get(name) for name in ("GITHUB_API_URL", "HEADRACE_SECRET_SLACK_WEBHOOK")}
    with open(LOG, "a", encoding="utf-8") as file:
        secret = any("SECRET_" in name for name in os.environ)
        file.write(json.dumps(dict(kept, args=sys.argv[1:], pid=os.getpid(), secret=secret)) + "\n")


def worker():
    """What the workers know; both are waited for, one that is ended before it has noted itself would not be counted."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with open(LOG, encoding="utf-8") as file:
            found = [json.loads(line) for line in file if '["worker"' in line]
        if len(found) == 2:
            return found[0]
        time.sleep(0.01)
    sys.exit("no two workers")


def post(url, body):
    headers = {"Authorization": "token x", "User-Agent": "fake", "Content-Type": "application/json"}
    import urllib.request  # the dearest of all
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as reply:
        return json.loads(reply.read() or b"null") if "json" in (reply.headers["Content-Type"] or "") else None


def run(repository, workflow, *conclusions, ref="develop", **inputs):
    url = worker()["GITHUB_API_URL"]
    spec = {"repository": repository, "workflow": workflow, "ref": ref, "inputs": inputs, "plan": {"reads": "never"}}
    number = post(url + "/_admin/runs", spec)["id"]
    for attempt, conclusion in enumerate(conclusions):
        if attempt:
            post(f"{url}/repos/{repository}/actions/runs/{number}/rerun-failed-jobs", {})
        post(f"{url}/_admin/runs/{number}", {"conclusion": conclusion})


def watched(flow):
    if FAULT == "hang":
        worker()
        time.sleep(60)
    if FAULT != "idle" and flow.endswith("release-oss-and-ee"):
        for repository in (KESTRA, "kestra-io/kestra-ee"):
            for workflow in ("global-start-release.yml", "pre-release.yml", "publish-docker.yml"):
                run(repository, workflow, "success", releaseVersion="0.22.12")
    elif FAULT != "idle" and flow.endswith("release-versions"):
        for version in scenario().VERSIONS:
            run(KESTRA, "global-start-release.yml", "success", releaseVersion=version)
            run(KESTRA, "pre-release.yml", "failure", "success", releaseVersion=version)
    print("shown SUCCESS")
    sys.exit(CODE)


def night():
    red = next(place for place, state in scenario().NIGHT.items() if state == "RED")
    for place, state in scenario().NIGHT.items():
        if state != "MISSING":
            repository, _, workflow = place.split()
            run(repository, workflow, "success", ref="main")
    if FAULT != "silent":
        post(worker()["HEADRACE_SECRET_SLACK_WEBHOOK"], {"text": f"{red} is red (tests)"})


def matrix():
    cells = [dict(zip(("repository", "branch", "workflow"), place.split()), state=state)
             for place, state in scenario().NIGHT.items()]
    for cell in cells:
        cell["state"] = "GREEN" if FAULT == "green" and cell["state"] == "RED" else cell["state"]
    return {"taskRunList": [{"taskId": "matrix", "outputs": {"cells": cells}}]}


def scheduler(words):
    if CODE == 99:
        sys.exit("no such disk")
    os.mkdir(words[words.index("--data") + 1])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    door = socket.create_server(("127.0.0.1", int(words[words.index("--port") + 1])))
    while True:
        asked, _ = door.accept()
        ready = asked.recv(4096).startswith(b"GET /health/ready ")
        asked.sendall(b"HTTP/1.0 200 OK\r\n\r\n" if ready else b"HTTP/1.0 404 Not Found\r\n\r\n")
        asked.close()


def main(words):
    note()
    verbs = " ".join(words[:2])
    if words[0] == "scheduler":
        scheduler(words)
    elif words[0] == "worker":
        signal.sigwait({signal.SIGTERM})
    elif verbs == "exec start":
        watched(words[2])
    elif verbs == "backfill create":
        night()
    elif verbs == "exec list":
        print(json.dumps([{"id": "night"}]))
    elif verbs == "exec get":
        print(json.dumps(matrix()))
    elif verbs == "exec watch":
        sys.exit(CODE)


if __name__ == "__main__":
    main(sys.argv[1:])
