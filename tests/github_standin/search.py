"""The searches: repositories, code, commits, users, topics. Issues and pulls: issues.py.

A qualifier that the stand-in does not know finds nothing, so that a test sees it.
"""

import shlex

from github_standin import render
from github_standin.errors import invalid
from github_standin.http_types import Answer, Router, paginate

router = Router()


def answer(request, what, found, item, fits):
    """`fits`(one, key, value) for key:value; key "" is a word."""
    if not request.query.get("q"):
        raise invalid("Validation Failed", [{"resource": "Search", "field": "q",
                                             "code": "missing"}])
    terms = []
    for term in shlex.split(request.query["q"]):
        key, colon, value = term.partition(":")
        terms.append((key, value) if colon else ("", term))
    found = [one for one in found if all(
        fits(one, key.lstrip("-"), value.lower()) != key.startswith("-") for key, value in terms)]
    page, headers = paginate(request, found[:1000], f"/search/{what}")
    return Answer(200, {"total_count": len(found), "incomplete_results": False,
                        "items": [dict(item(one), score=1.0) for one in page]}, headers)


def visible(world, request):
    return [r for r in world.repositories.values() if request.token or not r.private]


def of_repository(repo, key, value):
    """The qualifiers that name a repository; None for any other."""
    if key == "repo":
        return value == repo.full_name.lower()
    if key in ("org", "user"):
        return value == repo.owner.lower()
    return None


@router.add("GET", "/search/repositories")
def repositories(world, request, **_):
    def fits(repo, key, value):
        known = of_repository(repo, key, value)
        if known is not None:
            return known
        return {"": value in repo.full_name.lower(), "topic": value in repo.topics,
                "is": value == ("private" if repo.private else "public"), "in": True,
                "archived": value == "false", "fork": True}.get(key, False)

    return answer(request, "repositories", visible(world, request),
                  lambda repo: render.repository(repo, request.base), fits)


@router.add("GET", "/search/code")
def code(world, request, **_):
    found = [(repo, path, sha) for repo in visible(world, request) if repo.resolve(
        repo.default_branch) for path, (_, sha) in sorted(repo.git.files(
            repo.resolve(repo.default_branch)[1]).items())]

    def fits(one, key, value):
        repo, path, sha = one
        known = of_repository(repo, key, value)
        if known is not None:
            return known
        text = (repo.git.get(sha, "blob") or b"").decode(errors="replace").lower()
        return {"": value in text, "path": path.lower().startswith(value.strip("/")),
                "filename": path.lower().rpartition("/")[2] == value, "in": True,
                "extension": path.lower().endswith("." + value.lstrip("."))}.get(key, False)

    def item(one):
        repo, path, sha = one
        home = f"{request.base}/repos/{repo.full_name}"
        return {"name": path.rpartition("/")[2], "path": path, "sha": sha,
                "url": f"{home}/contents/{path}?ref={repo.default_branch}",
                "git_url": f"{home}/git/blobs/{sha}",
                "html_url": f"{render.WEB}/{repo.full_name}/blob/{repo.default_branch}/{path}",
                "repository": render.minimal_repository(repo, request.base)}

    return answer(request, "code", found, item, fits)


@router.add("GET", "/search/commits")
def commits(world, request, **_):
    found = [(repo, sha) for repo in visible(world, request) if repo.resolve(repo.default_branch)
             for sha in repo.git.history(repo.resolve(repo.default_branch)[1])]

    def fits(one, key, value):
        repo, sha = one
        known = of_repository(repo, key, value)
        if known is not None:
            return known
        commit = repo.git.get(sha, "commit")
        return {"": value in commit["message"].lower(), "hash": sha == value,
                "author": value == commit["author"]["name"].lower(),
                "merge": (value == "true") == (len(commit["parents"]) > 1),
                "is": value == "public" and not repo.private}.get(key, False)

    return answer(request, "commits", found, lambda one: dict(
        render.commit(one[0], one[1], request.base),
        repository=render.minimal_repository(one[0], request.base)), fits)


@router.add("GET", "/search/users")
def users(world, request, **_):
    logins = {r.owner for r in world.repositories.values()} | {"octocat"}
    logins |= {t["login"] for t in world.config["tokens"].values() if "login" in t}

    def fits(login, key, value):
        return {"": value in login.lower(), "user": value == login.lower(), "in": True,
                "type": value == "user"}.get(key, False)

    return answer(request, "users", sorted(logins), lambda one: render.user(one, request.base),
                  fits)


@router.add("GET", "/search/topics")
def topics(world, request, **_):
    names = sorted({t for r in visible(world, request) for t in r.topics})
    at = "2020-01-01T00:00:00Z"
    return answer(request, "topics", names, lambda name: {
        "name": name, "display_name": name, "short_description": None, "description": None,
        "created_by": None, "released": None, "created_at": at, "updated_at": at,
        "featured": False, "curated": False},
        lambda name, key, value: value in name if key == "" else False)
