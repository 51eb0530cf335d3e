"""What a client brought about, in words that do not depend on ids, shas or times.

Two runs of the same flow, one of them disturbed, must have equal effects. Pure.
"""


def effects_of(world):
    return {name: _repository(repo) for name, repo in sorted(world.repositories.items())}


def _repository(repo):
    return {
        "refs": {name: _commit(repo, sha) for name, sha in sorted(repo.refs.items())},
        "runs": sorted((_run(r) for r in repo.runs.values()), key=repr),
        "pulls": sorted((_pull(p) for p in repo.pulls.values()), key=repr),
        "issues": sorted((_issue(i) for i in repo.issues.values()), key=repr),
        "releases": sorted((_release(r) for r in repo.releases.values()), key=repr),
        "statuses": sorted([s["context"], str(s["spec"].get("states"))] for s in repo.statuses),
    }


def _commit(repo, sha):
    """What lies behind a ref: its files, and the messages that led there."""
    files = {path: blob for path, (_, blob) in sorted(repo.git.files(sha).items())}
    messages = [repo.git.get(c, "commit")["message"] for c in repo.git.history(sha)]
    return {"files": files, "messages": messages[:20]}


def _run(run):
    return {
        "workflow": run.workflow.file, "branch": run.branch, "event": run.event,
        "inputs": dict(sorted(run.inputs.items())),
        "approvals": [[a["environments"], a["state"], a["comment"]] for a in run.approvals],
        "attempts": [[a.conclusion or a.status, [[j.name, j.run_attempt, j.conclusion]
                                                 for j in a.jobs]] for a in run.attempts],
    }


def _pull(pull):
    kept = ("head", "base", "title", "body", "state", "draft", "merged", "labels", "reviewers",
            "teams", "assignees")
    return dict({key: pull[key] for key in kept}, comments=[c["body"] for c in pull["comments"]])


def _issue(issue):
    kept = ("title", "body", "state", "labels", "assignees")
    return dict({key: issue[key] for key in kept}, comments=[c["body"] for c in issue["comments"]])


def _release(release):
    kept = ("tag_name", "name", "body", "draft", "prerelease", "latest")
    return dict({key: release[key] for key in kept},
                assets=sorted([a["name"], a["sha256"]] for a in release["assets"]))
