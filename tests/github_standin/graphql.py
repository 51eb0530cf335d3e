"""As much GraphQL as the command gh 2.23 asks for: `workflow run`, `run *`, `pr create|view`;
and our own (graphql_projects.py).

A query is recognised by what it asks, not parsed; every other is refused, so that a test sees it.
"""

import re

from github_standin import graphql_projects, render
from github_standin.auth import may_see
from github_standin.errors import ApiError
from github_standin.http_types import Answer, Router
from github_standin.pulls import mergeable, merge_pull, open_pull

router = Router()


@router.add("POST", "/graphql", changes=False)
def query(world, request, **_):
    body = request.json()
    text, variables = body.get("query", ""), body.get("variables") or {}
    try:
        for word, answer in QUERIES:
            if re.search(word, text):
                return Answer(200, {"data": answer(world, request, text, variables)})
    except ApiError as error:
        details = (error.errors or [{}])[0].get("message") or error.message
        kind = "NOT_FOUND" if error.status == 404 else "UNPROCESSABLE"
        return Answer(200, {"data": None, "errors": [
            {"type": kind, "path": [text.split("(")[0].split()[-1]], "message": details}]})
    return Answer(200, {"errors": [{"message": "the stand-in does not answer this query"}]})


def _repository(world, request, text, variables):
    shown = _shown(_find(world, request, variables))
    return {"repository": shown}


def _shown(repo):
    return {
        "id": render.node_id("Repository", repo.id),
        "name": repo.name,
        "owner": {"login": repo.owner, "id": render.node_id("User", repo.owner)},
        "nameWithOwner": repo.full_name,
        "hasIssuesEnabled": True,
        "hasWikiEnabled": False,
        "description": "",
        "isPrivate": repo.private,
        "viewerPermission": "WRITE",
        "defaultBranchRef": {"name": repo.default_branch},
        "parent": None,
        "mergeCommitAllowed": "merge" in repo.merge_methods,
        "rebaseMergeAllowed": "rebase" in repo.merge_methods,
        "squashMergeAllowed": "squash" in repo.merge_methods,
        "assignableUsers": _nodes([]),
        "labels": _nodes([]),
        "milestones": _nodes([]),
    }


def _pull_for_branch(world, request, text, variables):
    repo = _find(world, request, variables)
    states = variables.get("states") or ["OPEN", "CLOSED", "MERGED"]
    found = [_pull(repo, p) for p in repo.pulls.values()
             if p["head"] == variables.get("headRefName") and _state(p) in states]
    return {"repository": {"pullRequests": _nodes(found),
                           "defaultBranchRef": {"name": repo.default_branch}}}


def _pull_by_number(world, request, text, variables):
    repo = _find(world, request, variables)
    number = variables.get("pr_number", variables.get("number"))
    if number not in repo.pulls:
        raise ApiError(404, f"Could not resolve to a PullRequest with the number of {number}.")
    return {"repository": {"pullRequest": _pull(repo, repo.pulls[number])}}


def _create_pull(world, request, text, variables):
    given = variables.get("input") or {}
    repo = next((r for r in world.repositories.values()
                 if render.node_id("Repository", r.id) == given.get("repositoryId")), None)
    if repo is None:
        raise ApiError(404, "Could not resolve to a node with the global id")
    may_see(world, request, repo)
    head, base = given["headRefName"].rpartition(":")[2], given["baseRefName"]
    if any(p["state"] == "open" and (p["head"], p["base"]) == (head, base)
           for p in repo.pulls.values()):
        raise ApiError(422, f"A pull request already exists for {repo.owner}:{head}.")
    for name in (head, base):
        if f"refs/heads/{name}" not in repo.refs:
            raise ApiError(422, f"Head sha can't be blank, {name} is no branch")
    pull = open_pull(world, repo, {"head": head, "base": base, "title": given["title"],
                                   "body": given.get("body"), "draft": given.get("draft")},
                     request.login)
    return {"createPullRequest": {"pullRequest": _pull(repo, pull)}}


def _merge_pull(world, request, text, variables):
    given = variables.get("input") or {}
    for repo in world.repositories.values():
        for pull in repo.pulls.values():
            if render.node_id("PullRequest", pull["id"]) == given.get("pullRequestId"):
                request.body = b"{}"
                merge_pull(world, request, repo, str(pull["number"]))
                return {"mergePullRequest": {"clientMutationId": None}}
    raise ApiError(404, "Could not resolve to a node with the global id")


def _viewer(world, request, text, variables):
    return {"viewer": {"login": request.login, "id": render.node_id("User", request.login)}}


def _fields(world, request, text, variables):
    """gh asks what a server knows before it asks for it."""
    kind = re.search(r"query (\w+)_fields", text).group(1)
    return {name: {"fields": []} for name in re.findall(r"(\w+): *__type", text) or [kind]}


def _pull(repo, pull):
    state = mergeable(repo, pull)
    return {
        "id": render.node_id("PullRequest", pull["id"]), "number": pull["number"],
        "title": pull["title"], "body": pull["body"] or "", "state": _state(pull),
        "isDraft": pull["draft"], "url": f"{render.WEB}/{repo.full_name}/pull/{pull['number']}",
        "headRefName": pull["head"], "baseRefName": pull["base"], "headRefOid": pull["head_sha"],
        "isCrossRepository": False, "maintainerCanModify": pull["maintainer_can_modify"],
        "headRepositoryOwner": {"login": repo.owner}, "headRepository": {"name": repo.name},
        "author": {"login": pull["user"]}, "closed": pull["state"] == "closed",
        "mergeable": {"unknown": "UNKNOWN", "dirty": "CONFLICTING"}.get(state, "MERGEABLE"),
        "mergeStateStatus": state.upper(), "commits": _nodes([]), "reviewRequests": _nodes([]),
    }


def _state(pull):
    return "MERGED" if pull["merged"] else pull["state"].upper()


def _nodes(found):
    return {"nodes": found, "totalCount": len(found),
            "pageInfo": {"hasNextPage": False, "endCursor": None}}


def _find(world, request, variables):
    full_name = f"{variables.get('owner')}/{variables.get('name') or variables.get('repo')}"
    repo = world.repository(full_name)
    try:
        if repo is None:
            raise ApiError(404, "Not Found")
        may_see(world, request, repo)
    except ApiError:
        raise ApiError(404, "Could not resolve to a Repository with the name "
                            f"'{full_name}'.") from None
    return repo


# The first that fits; gh names its queries.
QUERIES = (
    (r"mutation PullRequestCreate\b", _create_pull), (r"mutation PullRequestMerge\b", _merge_pull),
    (r"query PullRequestForBranch\b", _pull_for_branch),
    (r"query PullRequestByNumber\b", _pull_by_number),
    (r"query (RepositoryInfo|RepositoryNetwork|RepositoryFindFork)\b", _repository),
    (r"projectV2\s*\(", graphql_projects.project), (r"\bnodes\s*\(\s*ids", graphql_projects.nodes),
    (r"query UserCurrent\b", _viewer), (r"query \w+_fields\w*\b", _fields),
)
