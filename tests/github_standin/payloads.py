"""The bodies of webhooks, with the fields that GitHub's have. Pure: an event in, a dict out."""

from github_standin import render
from github_standin import render_actions as actions
from github_standin import render_pulls as pulls
from github_standin.clock import iso

ZERO = "0" * 40


def build(event, action, repo, subject, base):
    """`subject`: what World.emit was given."""
    payload = {"action": action} if action else {}
    payload.update(BUILDERS[event](repo, subject, base, action))
    payload["repository"] = render.repository(repo, base)
    payload["organization"] = {"login": repo.owner, "id": sum(repo.owner.encode()),
                               "node_id": render.node_id("Organization", repo.owner),
                               "url": f"{base}/orgs/{repo.owner}"}
    payload["sender"] = render.user(_sender(subject), base)
    return payload


def _sender(subject):
    if "run" in subject:
        return subject["run"].latest.actor or "octocat"
    return subject.get("actor") or "octocat"


def _workflow_run(repo, subject, base, _):
    run = subject["run"]
    return {"workflow_run": actions.run(run, base, run.latest),
            "workflow": actions.workflow(repo, run.workflow, base)}


def _workflow_job(repo, subject, base, action):
    job = actions.job(subject["run"], subject["job"], base)
    if action != "completed":
        job.update(conclusion=None, completed_at=None)
    return {"workflow_job": job}


def _check_run(repo, subject, base, _):
    if "check" in subject:
        return {"check_run": actions.check_run(repo, subject["check"], base)}
    run = subject["run"]
    check = actions.check_run(repo, actions.job_check(run, subject["job"]), base)
    check["check_suite"] = actions.check_suite(repo, actions.run_suite(run), base)
    return {"check_run": check}


def _check_suite(repo, subject, base, _):
    return {"check_suite": actions.check_suite(repo, actions.run_suite(subject["run"]), base)}


def _push(repo, subject, base, _):
    before, after, ref = subject["before"], subject["after"], subject["ref"]
    commits = []
    if after != ZERO:
        tip = repo.git.peel(after)
        known = set(repo.git.history(before)) if before != ZERO else set()
        new = [sha for sha in repo.git.history(tip) if sha not in known]
        if ref.startswith("refs/heads/") and before != ZERO:
            commits = [_push_commit(repo, sha) for sha in reversed(new[:20])]
    actor = subject["actor"] or "octocat"
    return {
        "ref": ref, "before": before, "after": after, "created": before == ZERO,
        "deleted": after == ZERO, "forced": False, "base_ref": None,
        "compare": f"{render.WEB}/{repo.full_name}/compare/{before[:12]}...{after[:12]}",
        "commits": commits, "head_commit": _push_commit(repo, tip) if after != ZERO else None,
        "pusher": {"name": actor, "email": f"{actor}@users.noreply.github.com"}}


def _push_commit(repo, sha):
    commit = render.simple_commit(repo, sha)
    parents = repo.git.get(sha, "commit")["parents"]
    changes = repo.git.changes(parents[0] if parents else None, sha)
    commit.update({name: [p for p, kind, _, _ in changes if kind == name]
                   for name in ("added", "removed", "modified")},
                  distinct=True, url=f"{render.WEB}/{repo.full_name}/commit/{sha}")
    return commit


def _ref(repo, subject, base, _):
    _, kind, name = subject["ref"].split("/", 2)
    return {"ref": name, "ref_type": "tag" if kind == "tags" else "branch",
            "master_branch": repo.default_branch, "description": None, "pusher_type": "user"}


def _pull_request(repo, subject, base, _):
    pull = subject["pull"]
    return {"number": pull["number"], "pull_request": pulls.pull(repo, pull, base, "unknown")}


def _issue(repo, subject, base, _):
    shown = {"issue": pulls.issue(repo, subject["issue"], base)}
    if "comment" in subject:
        shown["comment"] = pulls.comment(repo, subject["issue"]["number"], subject["comment"], base)
    return shown


def _release(repo, subject, base, _):
    return {"release": pulls.release(repo, subject["release"], base)}


def _dispatch(repo, subject, base, _):
    ref = subject["ref"]
    if not ref.startswith("refs/"):
        ref = next((p + ref for p in ("refs/heads/", "refs/tags/") if p + ref in repo.refs), ref)
    return {"inputs": subject["inputs"], "ref": ref,
            "workflow": f".github/workflows/{subject['workflow'].file}"}


def _repository_dispatch(repo, subject, base, _):
    return {"branch": repo.default_branch, "client_payload": subject["client_payload"]}


def _review(repo, subject, base, action):
    run, job = subject["run"], subject.get("job")
    name = job.environment if job else run.approvals[-1]["environments"][0]
    shown = {"workflow_run": actions.run(run, base, run.latest), "since": iso(run.latest.updated_ms),
             "environment": name, "reviewers": []}
    if action != "requested":
        shown.update(approver=render.user(subject["user"], base), comment=subject["comment"])
    return shown


def _protection(repo, subject, base, _):
    run, name = subject["run"], subject["job"].environment
    home = f"{base}/repos/{repo.full_name}"
    return {"environment": name, "event": run.event, "pull_requests": [],
            "deployment_callback_url": f"{home}/actions/runs/{run.id}/deployment_protection_rule",
            "deployment": {"id": run.id, "sha": run.sha, "ref": run.branch, "environment": name,
                           "url": f"{home}/deployments/{run.id}"}}


def _status(repo, subject, base, _):
    status = subject["status"]
    return {"id": status["id"], "sha": status["sha"], "name": repo.full_name,
            "state": status["state"], "context": status["context"],
            "description": status["spec"].get("description"),
            "target_url": status["spec"].get("target_url"), "branches": [],
            "commit": render.commit(repo, status["sha"], base),
            "created_at": iso(status["at_ms"]), "updated_at": iso(status["at_ms"])}


BUILDERS = {
    "workflow_run": _workflow_run, "workflow_job": _workflow_job, "check_run": _check_run,
    "check_suite": _check_suite, "push": _push, "create": _ref, "delete": _ref,
    "pull_request": _pull_request, "issues": _issue, "issue_comment": _issue,
    "release": _release, "workflow_dispatch": _dispatch, "status": _status,
    "repository_dispatch": _repository_dispatch, "deployment_review": _review,
    "deployment_protection_rule": _protection,
}
