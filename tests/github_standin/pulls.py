"""Pull requests: search, create, change, merge, update of the branch, reviewers."""

from github_standin import checks
from github_standin.errors import ApiError, invalid, not_found
from github_standin.http_types import Answer, Router, paginate, permit, wanted
from github_standin.render import diff
from github_standin.render_pulls import pull as shape

router = Router()
R = "/repos/{owner}/{repo}/pulls"
METHODS = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}


@router.add("GET", R)
def list_pulls(world, request, repo, **_):
    query = request.query
    state, base = query.get("state", "open"), query.get("base", "")
    owner, colon, head = query.get("head", "").partition(":")
    found = [p for p in repo.pulls.values()
             if state in ("all", p["state"]) and base in ("", p["base"])
             and (not colon or (owner.lower(), head) == (repo.owner.lower(), p["head"]))]
    found.sort(key=lambda p: p["number"], reverse=query.get("direction", "desc") == "desc")
    page, headers = paginate(request, found, f"/repositories/{repo.id}/pulls")
    return Answer(200, [_shown(world, request, repo, p, whole=False) for p in page], headers)


@router.add("GET", R + "/{number}")
def get_pull(world, request, repo, number, **_):
    pull = find(repo, number)
    if pull["mergeable_reads"] > 0:
        pull["mergeable_reads"] -= 1
    return Answer(200, _shown(world, request, repo, pull))


@router.add("POST", R, creates=True)
def create_pull(world, request, repo, **_):
    body = request.json()
    permit(body, ("title", "head", "head_repo", "base", "body", "maintainer_can_modify", "draft",
                  "issue"))
    base = wanted(body, "base")
    owner, colon, head = wanted(body, "head").rpartition(":")
    if not body.get("title"):
        raise _refused(field="title", code="missing_field")
    for field, name in (("head", head), ("base", base)):
        if f"refs/heads/{name}" not in repo.refs or (colon and owner != repo.owner):
            raise _refused(field=field, code="invalid")
    tips = _tip(repo, head), _tip(repo, base)
    if not set(repo.git.history(tips[0])) - set(repo.git.history(tips[1])):
        raise _refused(code="custom", message=f"No commits between {base} and {head}")
    if any(p["state"] == "open" and (p["head"], p["base"]) == (head, base)
           for p in repo.pulls.values()):
        raise _refused(code="custom",
                       message=f"A pull request already exists for {repo.owner}:{head}.")
    pull = open_pull(world, repo, dict(body, head=head, base=base), request.login)
    return Answer(201, _shown(world, request, repo, pull),
                  {"Location": f"{request.base}/repos/{repo.full_name}/pulls/{pull['number']}"})


def open_pull(world, repo, spec, login):
    """Also for scripts, which may set `mergeable_reads`, `labels`, `conflict` and `state`."""
    now = world.clock.now_ms()
    pull = {
        "number": repo.next_number(), "id": world.next_id(), "state": spec.get("state", "open"),
        "title": spec["title"], "body": spec.get("body"), "draft": bool(spec.get("draft")),
        "user": login, "merged": False, "merge_commit_sha": None, "merged_by": None,
        "head": spec["head"], "base": spec["base"], "head_sha": _tip(repo, spec["head"]),
        "maintainer_can_modify": bool(spec.get("maintainer_can_modify")), "reviewers": [],
        "teams": [], "labels": list(spec.get("labels", [])), "assignees": [], "comments": [],
        "created_ms": now, "updated_ms": now, "closed_ms": None, "merged_ms": None,
        "mergeable_reads": spec.get("mergeable_reads", 0), "conflict": spec.get("conflict", False),
    }
    repo.pulls[pull["number"]] = pull
    world.emit("pull_request", "opened", repo, pull=pull, actor=login)
    world.trigger(repo, "pull_request", f"refs/heads/{spec['head']}", login)
    return pull


@router.add("PATCH", R + "/{number}")
def change_pull(world, request, repo, number, **_):
    pull, body = find(repo, number), request.json()
    permit(body, ("title", "body", "state", "base", "maintainer_can_modify"))
    if body.get("state") not in (None, "open", "closed"):
        raise _refused(field="state", code="invalid")
    if "base" in body and f"refs/heads/{body['base']}" not in repo.refs:
        raise _refused(field="base", code="invalid")
    if pull["merged"] and body.get("state") == "open":
        raise _refused(field="state", code="invalid")
    was = pull["state"]
    pull.update(body, updated_ms=world.clock.now_ms())
    action = "edited"
    if pull["state"] != was:
        action = "closed" if was == "open" else "reopened"
        pull["closed_ms"] = pull["updated_ms"] if was == "open" else None
    world.emit("pull_request", action, repo, pull=pull, actor=request.login)
    return Answer(200, _shown(world, request, repo, pull))


@router.add("GET", R + "/{number}/merge")
def is_merged(world, request, repo, number, **_):
    if not find(repo, number)["merged"]:
        raise not_found()
    return Answer(204)


@router.add("PUT", R + "/{number}/merge")
def merge_pull(world, request, repo, number, **_):
    pull, body = find(repo, number), request.json()
    permit(body, ("commit_title", "commit_message", "sha", "merge_method"))
    method = body.get("merge_method", "merge")
    if method not in METHODS:
        raise invalid(f"Invalid request.\n\n{method} is not a possible value of merge_method.")
    if method not in repo.merge_methods:
        raise ApiError(405, f"{METHODS[method]} are not allowed on this repository.")
    head = _tip(repo, pull["head"]) or pull["head_sha"]
    if body.get("sha", head) != head:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    if pull["state"] != "open" or mergeable(repo, pull) in ("draft", "dirty", "unknown"):
        raise ApiError(405, "Pull Request is not mergeable")
    missing = checks.missing(repo, head)
    if missing:
        raise ApiError(405, f'Required status check "{missing[0]}" is expected.')
    base, now = _tip(repo, pull["base"]), world.clock.now_ms()
    title = body.get("commit_title") or (
        f"Merge pull request #{pull['number']} from {repo.owner}/{pull['head']}"
        if method == "merge" else f"{pull['title']} (#{pull['number']})")
    parents = [base, head] if method == "merge" else [base]
    merged = repo.git.commit(repo.git.merged(base, head), parents, title, now)
    pull.update(state="closed", merged=True, merge_commit_sha=merged, merged_by=request.login,
                merged_ms=now, closed_ms=now, updated_ms=now, head_sha=head)
    world.set_ref(repo, f"refs/heads/{pull['base']}", merged, request.login)
    world.emit("pull_request", "closed", repo, pull=pull, actor=request.login)
    return Answer(200, {"sha": merged, "merged": True,
                        "message": "Pull Request successfully merged"})


@router.add("PUT", R + "/{number}/update-branch")
def update_branch(world, request, repo, number, **_):
    pull, body = find(repo, number), request.json()
    permit(body, ("expected_head_sha",))
    head, base = _tip(repo, pull["head"]), _tip(repo, pull["base"])
    if body.get("expected_head_sha", head) != head:
        raise invalid("expected head sha didn't match current head ref.")
    if repo.git.contains(head, base):
        raise invalid("There are no new commits on the base branch.")
    tree = repo.git.merged(head, base)
    if tree is None:
        raise invalid("merge conflict between base and head")
    sha = repo.git.commit(tree, [head, base],
                          f"Merge branch '{pull['base']}' into {pull['head']}",
                          world.clock.now_ms())
    world.set_ref(repo, f"refs/heads/{pull['head']}", sha, request.login)
    world.emit("pull_request", "synchronize", repo, pull=pull, actor=request.login)
    return Answer(202, {"message": "Updating pull request branch.",
                        "url": f"{request.base}/repos/{repo.full_name}/pulls/{number}"})


@router.add("POST", R + "/{number}/requested_reviewers")
def request_reviewers(world, request, repo, number, **_):
    pull, body = find(repo, number), request.json()
    permit(body, ("reviewers", "team_reviewers"))
    if pull["user"] in body.get("reviewers", []):
        raise invalid("Review cannot be requested from pull request author.")
    for key, given in (("reviewers", "reviewers"), ("teams", "team_reviewers")):
        pull[key] += [name for name in body.get(given, []) if name not in pull[key]]
    return Answer(201, _shown(world, request, repo, pull, whole=False))


@router.add("GET", R + "/{number}/files")
def files(world, request, repo, number, **_):
    pull = find(repo, number)
    base, head = _tip(repo, pull["base"]), _tip(repo, pull["head"]) or pull["head_sha"]
    page, headers = paginate(request, diff(repo, repo.git.merge_base(base, head), head,
                                           request.base), f"/repositories/{repo.id}/pulls/{number}")
    return Answer(200, page, headers)


def mergeable(repo, pull):
    """GitHub's mergeable_state."""
    head, base = _tip(repo, pull["head"]), _tip(repo, pull["base"])
    if pull["state"] != "open" or pull["mergeable_reads"] > 0 or not head or not base:
        return "unknown"
    if pull["conflict"] or repo.git.merged(base, head) is None:
        return "dirty"
    if pull["draft"]:
        return "draft"
    return "blocked" if checks.missing(repo, head) else "clean"


def find(repo, number):
    found = repo.pulls.get(int(number)) if number.isdigit() else None
    if found is None:
        raise not_found()
    return found


def _tip(repo, branch):
    return repo.refs.get(f"refs/heads/{branch}")


def _shown(world, request, repo, pull, whole=True):
    if pull["state"] == "open":
        pull["head_sha"] = _tip(repo, pull["head"]) or pull["head_sha"]
    shown = shape(repo, pull, request.base, mergeable(repo, pull) if whole else None)
    if request.headers.get("x-github-api-version") == "2026-03-10":
        for gone in ("merge_commit_sha", "assignee"):
            shown.pop(gone, None)
    return shown


def _refused(**error):
    return invalid("Validation Failed", [dict({"resource": "PullRequest"}, **error)])
