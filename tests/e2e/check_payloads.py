"""Have the stand-in's webhooks the fields of real ones? Compares with the npm package
@octokit/webhooks-examples: python3 tests/e2e/check_payloads.py --packages NODE_MODULES

A field that every example of an event and action has, and that ours lacks, is a fault; exit code 1.
"""

import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from github_standin.app import App  # noqa: E402
from github_standin.clock import Clock  # noqa: E402
from github_standin.http_types import Request  # noqa: E402
from github_standin import payloads  # noqa: E402
from openapi_driver import SCRIPT  # noqa: E402

REPO = "/repos/kestra-io/kestra"
# Of the account or the repository, of its plan, or gone from today's answers: no client of ours reads them.
LEFT_OUT = ("organization", "repository", "sender", "installation", "repo", "deployment",
            "workflow_job_run", "requestor", "custom_properties", "permissions", "reactions")
# In old examples only: an issue is no draft.
GONE = {"issues.issue.draft"}


def collect():
    """{(event, action): our payload}, from a little story."""
    app, seen = App(Clock(scale=0, start_ms=1_800_000_000_000)), {}

    def listen(event, action, repo, subject):
        seen.setdefault((event, action), payloads.build(event, action, repo, subject, "http://x"))

    app.world.listener = listen

    def ask(method, path, body=None):
        raw = b"" if body is None else json.dumps(body).encode()
        headers = {"user-agent": "t", "authorization": "token t"}
        answer = app.handle(Request(method, path, headers, raw))
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.raw}")
        return json.loads(answer.raw) if answer.raw else None

    ask("POST", "/_admin/script", SCRIPT)
    sha = ask("GET", REPO + "/git/ref/heads/develop")["object"]["sha"]
    ask("PUT", REPO + "/contents/new", {"message": "m", "content": ""})
    ask("POST", REPO + "/git/refs", {"ref": "refs/tags/v3", "sha": sha})
    ask("POST", REPO + "/actions/workflows/deploy.yml/dispatches", {"ref": "develop"})
    ask("POST", REPO + "/releases", {"tag_name": "v3"})
    ask("POST", REPO + "/pulls", {"title": "t", "head": "other", "base": "develop"})
    ask("PUT", REPO + "/pulls/1/merge", {})
    ask("POST", REPO + "/issues", {"title": "t"})
    ask("POST", REPO + "/issues/2/comments", {"body": "b"})
    ask("POST", f"{REPO}/statuses/{sha}", {"state": "success"})
    return seen


def common(values, path=""):
    """The paths of fields that all of these objects have."""
    names = set.intersection(*(set(v) for v in values))
    for name in sorted(names - set(LEFT_OUT)):
        inner = [v[name][0] if isinstance(v[name], list) and v[name] else v[name] for v in values]
        yield f"{path}{name}"
        if all(isinstance(i, dict) for i in inner):
            yield from common(inner, f"{path}{name}.")


def lacks(payload, path):
    for name in path.split("."):
        if isinstance(payload, list):
            payload = payload[0] if payload else None
        if payload is None:
            return False  # null where an example had an object
        if name not in payload:
            return True
        payload = payload[name]
    return False


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", required=True)
    folder = os.path.join(parser.parse_args(argv).packages, "@octokit", "webhooks-examples",
                          "api.github.com")
    with open(os.path.join(folder, "index.json"), encoding="utf-8") as file:
        known = {entry["name"]: entry["examples"] for entry in json.load(file)}
    faults = compared = 0
    for (event, action), ours in sorted(collect().items(), key=repr):
        examples = [e for e in known.get(event, []) if e.get("action") == action]
        if not examples:
            print(f"note: no example of {event} {action or ''}")
            continue
        compared += 1
        for path in common(examples):
            if lacks(ours, path) and f"{event}.{path}" not in GONE:
                print(f"{event} {action or ''}: {path} is missing")
                faults += 1
    print(f"{compared} kinds of payload, {faults} fields missing")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
