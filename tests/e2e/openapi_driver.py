"""One request of every kind that headrace makes, to see that the stand-in answers as described."""

import base64

from github_standin.testing import Client

REPO = "/repos/kestra-io/kestra"
JOBS = [{"name": "build"}, {"name": "tests", "needs": ["build"],
                            "conclusions": ["failure", "success"]}]
SCRIPT = {
    "config": {"points_per_minute": 100000, "creations_per_minute": 1000},
    "repositories": {"kestra-io/kestra": {
        "default_branch": "develop", "topics": ["x"], "files": {"gradle.properties": "version=1\n", "docs/a": "a"},
        "refs": {"refs/heads/next": {"files": {"gradle.properties": "version=2\n"}},
                 "refs/heads/other": {"files": {"b": "b"}},
                 "refs/tags/v1.0.2": {"annotated": "Release 1.0.2"}},
        "checks": [{"name": "lint", "app": "linter"}, {"name": "late", "reads": "never"}],
        "statuses": [{"context": "ci/old", "states": ["pending", "success"]}],
        "environments": {"production": {"reviewers": ["octocat"]}},
        "workflows": {
            "release.yml": {"dispatch": {"inputs": {"version": {"required": True}}},
                            "plan": {"jobs": JOBS, "artifacts": [
                                {"name": "reports", "files": {"a.xml": "<a/>"}}]}},
            "deploy.yml": {"dispatch": {}, "plan": {"jobs": [
                {"name": "build"}, {"name": "go", "needs": ["build"],
                                    "environment": "production"}]}},
            "slow.yml": {"dispatch": {}, "plan": {"reads": "never"}}}}}}


class Driver:
    def __init__(self, url):
        self.client = Client(int(url.rpartition(":")[2]), "ghp_driver")

    def __call__(self, method, path, body=None, want=None, **headers):
        if body is not None:
            headers.setdefault("Content_Type", "application/json")
        target = path if path.startswith(("/rate", "/search", "/user", "/repositories")) else (
            REPO + path)
        reply = self.client.send(method, target, body, **headers)
        if want and reply.status != want:
            raise SystemExit(f"check-openapi: {method} {target}: {reply.status}, wanted {want}: "
                             f"{reply.raw[:300]!r}")
        is_json = "json" in (reply.headers.get("Content-Type") or "")
        return reply.json if is_json and reply.raw else reply


def drive(url):
    ask = Driver(url)
    for part in (repository, runs, gates, checks, git, pulls, issues, releases, limits):
        part(ask)


def repository(ask):
    for path in ("", "/branches", "/branches/develop", "/tags", "/commits", "/commits/develop",
                 "/compare/develop...next", "/contents/gradle.properties", "/contents/docs",
                 "/actions/workflows", "/actions/workflows/release.yml", "/git/ref/tags/v1.0.2",
                 "/git/matching-refs/tags/v", "/environments", "/hooks", "/labels"):
        ask("GET", path, want=200)
    ask("GET", "/git/ref/tags/absent", want=404)
    ask("GET", "/user", want=200)


def runs(ask):
    path = "/actions/workflows/release.yml/dispatches"
    ask("POST", path, {"ref": "develop", "inputs": {"version": "1"}}, 204)
    made = ask("POST", path, {"ref": "develop", "inputs": {"version": "1"},
                              "return_run_details": True}, 200)
    ask("POST", path, {"ref": "absent", "inputs": {"version": "1"}}, 422)
    run = f"/actions/runs/{made['workflow_run_id']}"
    ask("GET", "/actions/runs?per_page=1&branch=develop&status=completed", want=200)
    ask("GET", "/actions/workflows/release.yml/runs?per_page=100", want=200)
    ask("GET", run, want=200)
    job = ask("GET", run + "/jobs?filter=latest", want=200)["jobs"][0]["id"]
    ask("POST", run + "/rerun-failed-jobs", {"enable_debug_logging": False}, 201)
    ask("POST", run + "/rerun", None, 201)
    ask("POST", f"/actions/jobs/{job}/rerun", None, 201)
    ask("GET", run + "/attempts/1", want=200)
    ask("GET", run + "/attempts/1/jobs", want=200)
    ask("GET", f"/actions/jobs/{job}", want=200)
    ask("GET", f"/actions/jobs/{job}/logs", want=302)
    ask("GET", run + "/logs", want=302)
    artifact = ask("GET", run + "/artifacts?name=reports", want=200)["artifacts"][0]["id"]
    ask("GET", f"/actions/artifacts/{artifact}", want=200)
    ask("GET", f"/actions/artifacts/{artifact}/zip", want=302)
    slow = ask("POST", "/actions/workflows/slow.yml/dispatches",
               {"ref": "develop", "return_run_details": True}, 200)["workflow_run_id"]
    ask("POST", f"/actions/runs/{slow}/rerun", None, 403)
    ask("POST", f"/actions/runs/{slow}/cancel", None, 202)
    ask("POST", f"/actions/runs/{slow}/force-cancel", None, 409)
    ask("POST", "/dispatches", {"event_type": "release", "client_payload": {"v": "1"}}, 204)


def gates(ask):
    run = ask("POST", "/actions/workflows/deploy.yml/dispatches",
              {"ref": "develop", "return_run_details": True}, 200)["workflow_run_id"]
    path = f"/actions/runs/{run}/pending_deployments"
    waiting = ask("GET", path, want=200)
    ask("POST", path, {"environment_ids": [waiting[0]["environment"]["id"]], "state": "approved",
                       "comment": "go"}, 200)
    ask("GET", f"/actions/runs/{run}/approvals", want=200)


def checks(ask):
    shown = ask("GET", "/commits/develop/check-runs?filter=latest&per_page=100", want=200)
    ask("GET", f"/check-runs/{shown['check_runs'][0]['id']}", want=200)
    ask("GET", f"/check-runs/{shown['check_runs'][0]['id']}/annotations", want=200)
    suites = ask("GET", "/commits/develop/check-suites", want=200)["check_suites"]
    ask("GET", f"/check-suites/{suites[0]['id']}", want=200)
    ask("POST", f"/check-suites/{suites[-1]['id']}/rerequest", None, 201)
    ask("GET", "/commits/develop/status", want=200)
    ask("GET", "/commits/develop/statuses", want=200)
    sha = ask("GET", "/git/ref/heads/develop")["object"]["sha"]
    ask("POST", f"/statuses/{sha}", {"state": "success", "context": "headrace"}, 201)


def git(ask):
    sha = ask("GET", "/git/ref/heads/develop")["object"]["sha"]
    ask("POST", "/git/refs", {"ref": "refs/heads/bump", "sha": sha}, 201)
    ask("POST", "/git/refs", {"ref": "refs/heads/bump", "sha": sha}, 422)
    blob = ask("POST", "/git/blobs", {"content": "version=3\n", "encoding": "utf-8"}, 201)["sha"]
    ask("GET", f"/git/blobs/{blob}", want=200)
    base = ask("GET", f"/git/commits/{sha}", want=200)["tree"]["sha"]
    tree = ask("POST", "/git/trees", {"base_tree": base, "tree": [
        {"path": "gradle.properties", "mode": "100644", "type": "blob", "sha": blob}]}, 201)["sha"]
    ask("GET", f"/git/trees/{tree}?recursive=1", want=200)
    commit = ask("POST", "/git/commits", {"message": "bump", "tree": tree, "parents": [sha]},
                 201)["sha"]
    ask("PATCH", "/git/refs/heads/bump", {"sha": commit, "force": False}, 200)
    tag = ask("POST", "/git/tags", {"tag": "v9", "message": "m", "object": commit,
                                    "type": "commit"}, 201)["sha"]
    ask("GET", f"/git/tags/{tag}", want=200)
    content = base64.b64encode(b"new\n").decode()
    made = ask("PUT", "/contents/new.txt", {"message": "add", "content": content,
                                            "branch": "bump"}, 201)
    ask("PUT", "/contents/new.txt", {"message": "again", "content": content, "branch": "bump",
                                     "sha": made["content"]["sha"]}, 200)
    ask("PUT", "/contents/new.txt", {"message": "stale", "content": content, "branch": "bump",
                                     "sha": "0" * 40}, 409)
    ask("DELETE", "/contents/new.txt", {"message": "drop", "branch": "bump",
                                        "sha": made["content"]["sha"]}, 200)
    ask("POST", "/git/refs", {"ref": "refs/tags/gone", "sha": commit}, 201)
    ask("DELETE", "/git/refs/tags/gone", want=204)


def pulls(ask):
    wanted = {"title": "Bump", "head": "bump", "base": "develop", "body": "b", "draft": False}
    number = ask("POST", "/pulls", wanted, 201)["number"]
    ask("POST", "/pulls", wanted, 422)
    ask("GET", "/pulls?state=open&head=kestra-io:bump&base=develop", want=200)
    path = f"/pulls/{number}"
    ask("PATCH", path, {"title": "Bump to 3"}, 200)
    ask("POST", path + "/requested_reviewers", {"reviewers": ["ann"], "team_reviewers": ["core"]},
        201)
    ask("GET", path, want=200)
    ask("GET", path + "/files", want=200)
    ask("PUT", path + "/merge", {"sha": "0" * 40}, 409)
    sha = ask("GET", "/git/ref/heads/bump")["object"]["sha"]
    ask("PUT", path + "/merge", {"sha": sha, "merge_method": "squash"}, 200)
    ask("PUT", path + "/merge", {}, 405)
    ask("GET", path + "/merge", want=204)
    other = ask("POST", "/pulls", dict(wanted, head="other"), 201)["number"]
    ask("PUT", f"/pulls/{other}/update-branch", {}, 202)


def issues(ask):
    number = ask("POST", "/issues", {"title": "Nightly is red", "body": "b", "labels": ["bug"]},
                 201)["number"]
    path = f"/issues/{number}"
    comment = ask("POST", path + "/comments", {"body": "still"}, 201)["id"]
    ask("PATCH", f"/issues/comments/{comment}", {"body": "again"}, 200)
    ask("GET", path + "/comments", want=200)
    ask("POST", path + "/labels", {"labels": ["flaky"]}, 200)
    ask("DELETE", path + "/labels/flaky", want=200)
    ask("POST", path + "/assignees", {"assignees": ["ann"]}, 201)
    ask("PATCH", path, {"state": "closed"}, 200)
    ask("GET", path, want=200)
    ask("GET", "/issues?state=all", want=200)
    ask("GET", "/search/issues?q=repo:kestra-io/kestra+is:pr+head:bump", want=200)
    for kind, query in (("repositories", "kestra"), ("code", "version"), ("commits", "head"),
                        ("users", "kestra"), ("topics", "x")):
        ask("GET", f"/search/{kind}?q={query}", want=200)
    ask("POST", "/labels", {"name": "new", "color": "ffffff"}, 201)


def releases(ask):
    ask("POST", "/releases/generate-notes", {"tag_name": "v1.0.3"}, 200)
    made = ask("POST", "/releases", {"tag_name": "v1.0.3", "name": "1.0.3", "draft": True}, 201)
    path = f"/releases/{made['id']}"
    ask("PATCH", path, {"draft": False}, 200)
    ask("POST", "/releases", {"tag_name": "v1.0.3"}, 422)
    ask("GET", "/releases/tags/v1.0.3", want=200)
    ask("GET", path, want=200)
    ask("GET", "/releases/latest", want=200)
    ask("GET", "/releases?per_page=1", want=200)
    ask.client.send("POST", f"/uploads{REPO}{path}/assets?name=a.txt", b"text",
                    Content_Type="text/plain")
    asset = ask("GET", path + "/assets", want=200)[0]["id"]
    ask("GET", f"/releases/assets/{asset}", want=200)


def limits(ask):
    ask("GET", "/rate_limit", want=200)
    number = ask("GET", "")["id"]
    ask("GET", f"/repositories/{number}/actions/runs?per_page=2", want=200)
