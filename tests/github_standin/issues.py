"""Issues and comments, labels, and the search for issues and pull requests."""

import shlex

from github_standin.clock import iso
from github_standin.errors import invalid, not_found
from github_standin.http_types import Answer, Router, paginate, permit, wanted
from github_standin.render_pulls import comment as comment_shape
from github_standin.render_pulls import issue as shape
from github_standin.render_pulls import label as label_shape

router = Router()
REPO = "/repos/{owner}/{repo}"
R = REPO + "/issues"


@router.add("GET", R)
def list_issues(world, request, repo, **_):
    state = request.query.get("state", "open")
    labels = [name for name in request.query.get("labels", "").split(",") if name]
    found = [i for i in _all(repo) if state in ("all", i["state"])
             and all(name in i["labels"] for name in labels)]
    page, headers = paginate(request, found, f"/repositories/{repo.id}/issues")
    return Answer(200, [shape(repo, i, request.base) for i in page], headers)


@router.add("POST", R, creates=True)
def create(world, request, repo, **_):
    body = request.json()
    permit(body, ("title", "body", "assignee", "milestone", "labels", "assignees", "type",
                  "issue_field_values"))
    now = world.clock.now_ms()
    issue = {"number": repo.next_number(), "id": world.next_id(), "state": "open",
             "title": str(wanted(body, "title", (str, int))), "body": body.get("body"),
             "user": request.login, "labels": _names(body.get("labels", [])),
             "assignees": list(body.get("assignees", [])), "comments": [], "created_ms": now,
             "updated_ms": now, "closed_ms": None}
    repo.issues[issue["number"]] = issue
    world.emit("issues", "opened", repo, issue=issue, actor=request.login)
    return Answer(201, shape(repo, issue, request.base),
                  {"Location": f"{request.base}/repos/{repo.full_name}/issues/{issue['number']}"})


@router.add("GET", R + "/comments/{comment}")
def get_comment(world, request, repo, comment, **_):
    number, found = _comment(repo, comment)
    return Answer(200, comment_shape(repo, number, found, request.base))


@router.add("PATCH", R + "/comments/{comment}")
def change_comment(world, request, repo, comment, **_):
    number, found = _comment(repo, comment)
    found["body"] = wanted(request.json(), "body")
    return Answer(200, comment_shape(repo, number, found, request.base))


@router.add("GET", R + "/{number}")
def get(world, request, repo, number, **_):
    return Answer(200, shape(repo, _issue(repo, number), request.base))


@router.add("PATCH", R + "/{number}")
def change(world, request, repo, number, **_):
    issue, body = _issue(repo, number), request.json()
    permit(body, ("title", "body", "state", "state_reason", "labels", "assignees", "milestone",
                  "assignee", "type", "duplicate_issue_id", "issue_field_values"))
    if body.get("state") not in (None, "open", "closed"):
        raise invalid("Validation Failed", [{"resource": "Issue", "field": "state",
                                             "code": "invalid"}])
    now = world.clock.now_ms()
    if body.get("state", issue["state"]) != issue["state"]:
        issue["closed_ms"] = now if body["state"] == "closed" else None
    for key in ("title", "body", "state", "assignees"):
        issue[key] = body.get(key, issue[key])
    if "labels" in body:
        issue["labels"] = _names(body["labels"])
    issue["updated_ms"] = now
    return Answer(200, shape(repo, issue, request.base))


@router.add("GET", R + "/{number}/comments")
def list_comments(world, request, repo, number, **_):
    page, headers = paginate(request, _issue(repo, number)["comments"],
                             f"/repositories/{repo.id}/issues/{number}/comments")
    return Answer(200, [comment_shape(repo, number, c, request.base) for c in page], headers)


@router.add("POST", R + "/{number}/comments", creates=True)
def add_comment(world, request, repo, number, **_):
    issue, body = _issue(repo, number), request.json()
    permit(body, ("body",))
    comment = {"id": world.next_id(), "body": wanted(body, "body"), "user": request.login,
               "created_ms": world.clock.now_ms()}
    if len(comment["body"]) > 65536:
        raise invalid("Validation Failed", [{"resource": "IssueComment", "field": "body",
                                             "code": "custom", "message": "Body is too long "
                                             "(maximum is 65536 characters)"}])
    issue["comments"].append(comment)
    world.emit("issue_comment", "created", repo, issue=issue, comment=comment,
               actor=request.login)
    return Answer(201, comment_shape(repo, number, comment, request.base))


@router.add("GET", R + "/{number}/labels")
def list_labels_of(world, request, repo, number, **_):
    return Answer(200, _labels(request, repo, _issue(repo, number)))


@router.add("POST", R + "/{number}/labels")
def add_labels(world, request, repo, number, **_):
    issue = _issue(repo, number)
    names = _names(wanted(request.json(), "labels", list))
    issue["labels"] += [name for name in names if name not in issue["labels"]]
    return Answer(200, _labels(request, repo, issue))


@router.add("DELETE", R + "/{number}/labels/{name}")
def remove_label(world, request, repo, number, name, **_):
    issue = _issue(repo, number)
    if name not in issue["labels"]:
        raise not_found()
    issue["labels"].remove(name)
    return Answer(200, _labels(request, repo, issue))


@router.add("POST", R + "/{number}/assignees")
def add_assignees(world, request, repo, number, **_):
    issue = _issue(repo, number)
    issue["assignees"] += [a for a in request.json().get("assignees", [])
                           if a not in issue["assignees"]]
    return Answer(201, shape(repo, issue, request.base))


@router.add("POST", REPO + "/labels", creates=True)
def create_label(world, request, repo, **_):
    body = request.json()
    name = wanted(body, "name")
    if name in repo.labels:
        raise invalid("Validation Failed", [{"resource": "Label", "field": "name",
                                             "code": "already_exists"}])
    repo.labels[name] = {k: body[k] for k in ("color", "description") if k in body}
    return Answer(201, label_shape(repo, name, request.base))


@router.add("GET", REPO + "/labels")
def list_labels(world, request, repo, **_):
    return Answer(200, [label_shape(repo, name, request.base) for name in sorted(repo.labels)])


@router.add("GET", "/search/issues")
def search(world, request, **_):
    if not request.query.get("q"):
        raise invalid("Validation Failed", [{"resource": "Search", "field": "q",
                                             "code": "missing"}])
    terms = [t.partition(":") for t in shlex.split(request.query["q"])]
    found = [(repo, i) for repo in world.repositories.values() for i in _all(repo)
             if all(_fits(repo, i, key, value) if colon else key.lower() in _text(i)
                    for key, colon, value in terms)]
    page, headers = paginate(request, found[:1000], "/search/issues")
    items = [dict(shape(repo, i, request.base), score=1.0) for repo, i in page]
    return Answer(200, {"total_count": len(found), "incomplete_results": False, "items": items},
                  headers)


def _fits(repo, i, key, value):
    """One qualifier of a search; an unknown one finds nothing, so that a test sees it."""
    negated, key = key.startswith("-"), key.lstrip("-")
    is_pull = "head" in i
    known = {
        "repo": value.lower() == repo.full_name.lower(),
        "org": value.lower() == repo.owner.lower(), "user": value.lower() == repo.owner.lower(),
        "is": value in (i["state"], "pr" if is_pull else "issue",
                        "merged" if i.get("merged") else None,
                        "unmerged" if is_pull and not i["merged"] else None,
                        "draft" if i.get("draft") else None),
        "type": value == ("pr" if is_pull else "issue"), "state": value == i["state"],
        "label": value in i["labels"], "author": value == i["user"],
        "assignee": value in i["assignees"], "head": is_pull and value == i["head"],
        "base": is_pull and value == i["base"], "draft": is_pull and
        (value == "true") == i["draft"], "created": iso(i["created_ms"]).startswith(value),
        "in": True, "sort": True, "archived": value == "false",
    }
    return known.get(key, False) != negated


def _text(i):
    return f"{i['title']} {i['body'] or ''}".lower()


def _all(repo):
    both = list(repo.issues.values()) + list(repo.pulls.values())
    return sorted(both, key=lambda i: i["number"], reverse=True)


def _issue(repo, number):
    key = int(number) if number.isdigit() else 0
    found = repo.issues.get(key) or repo.pulls.get(key)
    if found is None:
        raise not_found()
    return found


def _comment(repo, comment):
    for issue in _all(repo):
        for found in issue["comments"]:
            if str(found["id"]) == comment:
                return issue["number"], found
    raise not_found()


def _names(labels):
    return [one["name"] if isinstance(one, dict) else one for one in labels]


def _labels(request, repo, issue):
    return [label_shape(repo, name, request.base) for name in issue["labels"]]
