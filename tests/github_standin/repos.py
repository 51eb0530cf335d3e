"""Repositories themselves, their branches and commits; the user."""

from github_standin import render
from github_standin.errors import ApiError, invalid, not_found
from github_standin.http_types import Answer, Router, paginate

router = Router()
R = "/repos/{owner}/{repo}"


def commit_of(repo, ref):
    """The commit of a branch, tag or sha in a path; 409 in an empty repository, 422 for none."""
    if not repo.refs:
        raise ApiError(409, "Git Repository is empty.")
    found = repo.resolve(ref)
    if found is None:
        raise invalid(f"No commit found for SHA: {ref}")
    return found[1]


@router.add("GET", R)
def get_repository(world, request, repo, **_):
    shown = render.repository(repo, request.base)
    known = world.config["tokens"].get(request.token, {}).get("permission", "write")
    shown["permissions"].update(push=known == "write" and bool(request.token),
                                pull=known != "none")
    return Answer(200, shown)


@router.add("GET", R + "/branches")
def list_branches(world, request, repo, **_):
    names = sorted(n for n in repo.refs if n.startswith("refs/heads/"))
    page, headers = paginate(request, names, f"/repositories/{repo.id}/branches")
    return Answer(200, [_branch(repo, n[11:], request.base) for n in page], headers)


@router.add("GET", R + "/branches/{branch...}")
def get_branch(world, request, repo, branch, **_):
    if f"refs/heads/{branch}" not in repo.refs:
        raise ApiError(404, "Branch not found")
    shown = _branch(repo, branch, request.base)
    url = f"{request.base}/repos/{repo.full_name}/branches/{branch}"
    shown.update(commit=render.commit(repo, shown["commit"]["sha"], request.base),
                 _links={"self": url, "html": f"{render.WEB}/{repo.full_name}/tree/{branch}"},
                 protection={"enabled": bool(repo.required_checks)},
                 protection_url=f"{url}/protection")
    return Answer(200, shown)


@router.add("GET", R + "/tags")
def list_tags(world, request, repo, **_):
    names = sorted((n for n in repo.refs if n.startswith("refs/tags/")), reverse=True)
    page, headers = paginate(request, names, f"/repositories/{repo.id}/tags")
    home = f"{request.base}/repos/{repo.full_name}"
    return Answer(200, [
        {"name": n[10:], "node_id": render.node_id("Ref", n),
         "zipball_url": f"{home}/zipball/{n}", "tarball_url": f"{home}/tarball/{n}",
         "commit": {"sha": repo.git.peel(repo.refs[n]),
                    "url": f"{home}/commits/{repo.git.peel(repo.refs[n])}"}} for n in page], headers)


@router.add("GET", R + "/commits")
def list_commits(world, request, repo, **_):
    start = commit_of(repo, request.query.get("sha") or repo.default_branch)
    page, headers = paginate(request, repo.git.history(start), f"/repositories/{repo.id}/commits")
    return Answer(200, [render.commit(repo, sha, request.base) for sha in page], headers)


@router.add("GET", R + "/commits/{ref...}")
def get_commit(world, request, repo, ref, **_):
    sha = commit_of(repo, ref)
    return Answer(200, render.commit(repo, sha, request.base, files=True))


@router.add("GET", R + "/compare/{basehead...}")
def compare(world, request, repo, basehead, **_):
    base, dots, head = basehead.partition("...")
    found = repo.resolve(base), repo.resolve(head.rpartition(":")[2])
    if not dots or None in found:
        raise not_found()
    (_, old), (_, new) = found
    fork = repo.git.merge_base(new, old)
    if fork is None:
        raise ApiError(404, f"No common ancestor between {base} and {head}.")
    stops = set(repo.git.history(old))
    ahead = [sha for sha in repo.git.history(new) if sha not in stops]
    stops = set(repo.git.history(new))
    behind = [sha for sha in repo.git.history(old) if sha not in stops]
    status = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind",
              (False, False): "identical"}[bool(ahead), bool(behind)]
    web = f"{render.WEB}/{repo.full_name}/compare/{basehead}"
    return Answer(200, {
        "url": f"{request.base}/repos/{repo.full_name}/compare/{basehead}", "html_url": web,
        "permalink_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch",
        "base_commit": render.commit(repo, old, request.base),
        "merge_base_commit": render.commit(repo, fork, request.base),
        "status": status, "ahead_by": len(ahead), "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [render.commit(repo, sha, request.base) for sha in reversed(ahead[:250])],
        "files": render.diff(repo, fork, new, request.base)})


@router.add("GET", "/user")
def get_user(world, request, **_):
    if not request.login or request.installation:
        raise ApiError(403 if request.token else 401,
                       "Resource not accessible by integration" if request.token
                       else "Requires authentication")
    at = "2020-01-01T00:00:00Z"
    shown = render.user(request.login, request.base)
    shown.update({name: None for name in ("name", "company", "blog", "location", "email",
                                          "hireable", "bio")})
    shown.update(public_repos=0, public_gists=0, followers=0, following=0, created_at=at,
                 updated_at=at)
    return Answer(200, shown)


def _branch(repo, name, base):
    sha = repo.git.peel(repo.refs[f"refs/heads/{name}"])
    return {"name": name, "protected": bool(repo.required_checks) and name == repo.default_branch,
            "commit": {"sha": sha, "url": f"{base}/repos/{repo.full_name}/commits/{sha}"}}
