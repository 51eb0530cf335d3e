"""As much GraphQL as `gh workflow run` and `gh run` ask for: RepositoryInfo."""

from github_standin import render
from github_standin.auth import may_see
from github_standin.errors import ApiError
from github_standin.http_types import Answer, Router

router = Router()


@router.add("POST", "/graphql", changes=False)
def query(world, request, **_):
    body = request.json()
    variables = body.get("variables") or {}
    if "repository(" not in body.get("query", "") or "mutation" in body.get("query", ""):
        return Answer(200, {"errors": [{"message": "the stand-in answers repository(...) only"}]})
    full_name = f"{variables.get('owner')}/{variables.get('name') or variables.get('repo')}"
    repo = world.repository(full_name)
    try:
        if repo is None:
            raise ApiError(404, "Not Found")
        may_see(world.config, request, repo)
    except ApiError:
        return Answer(200, {"data": {"repository": None}, "errors": [
            {"type": "NOT_FOUND", "path": ["repository"],
             "message": f"Could not resolve to a Repository with the name '{full_name}'."}]})
    return Answer(200, {"data": {"repository": {
        "id": render.node_id("Repository", repo.id),
        "name": repo.name,
        "owner": {"login": repo.owner},
        "hasIssuesEnabled": True,
        "hasWikiEnabled": False,
        "description": "",
        "viewerPermission": "WRITE",
        "defaultBranchRef": {"name": repo.default_branch},
        "parent": None,
        "mergeCommitAllowed": True,
        "rebaseMergeAllowed": True,
        "squashMergeAllowed": True,
    }}})
