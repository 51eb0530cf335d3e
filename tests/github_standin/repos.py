"""Repositories: refs, pull requests, releases; the user and the rate limit."""

import re

from github_standin import render
from github_standin.errors import ApiError, invalid, not_found
from github_standin.http_types import Answer, Router, paginate
from github_standin.world import sha_of

router = Router()
R = "/repos/{owner}/{repo}"
SHA = re.compile(r"^[0-9a-f]{40}$")


@router.add("GET", R)
def get_repository(world, request, repo, **_):
    return Answer(200, render.repository(repo, request.base))


@router.add("GET", R + "/git/ref/{ref...}")
def get_ref(world, request, repo, ref, **_):
    name = "refs/" + ref
    if name not in repo.refs:
        raise not_found()
    return Answer(200, render.ref(repo, name, request.base))


@router.add("GET", R + "/git/matching-refs/{prefix...}")
def matching_refs(world, request, repo, prefix, **_):
    names = sorted(n for n in repo.refs if n.startswith("refs/" + prefix))
    page, headers = paginate(request, names,
                             f"/repositories/{repo.id}/git/matching-refs/{prefix}")
    return Answer(200, [render.ref(repo, n, request.base) for n in page], headers)


@router.add("POST", R + "/git/refs", creates=True)
def create_ref(world, request, repo, **_):
    body = request.json()
    name, sha = body.get("ref", ""), body.get("sha", "")
    if not name.startswith("refs/") or name.count("/") < 2:
        raise invalid("Reference name must start with 'refs/' and have at least two slashes.")
    if not SHA.match(sha):
        raise invalid('The sha parameter must be exactly 40 characters and contain only [0-9a-f].')
    if not repo.refs:
        raise ApiError(409, "Git Repository is empty.")
    if name in repo.refs:
        raise invalid("Reference already exists")
    if sha not in repo.refs.values():
        raise invalid("Object does not exist")
    repo.refs[name] = sha
    return Answer(201, render.ref(repo, name, request.base),
                  {"Location": f"{request.base}/repos/{repo.full_name}/git/{name}"})


@router.add("DELETE", R + "/git/refs/{ref...}")
def delete_ref(world, request, repo, ref, **_):
    if repo.refs.pop("refs/" + ref, None) is None:
        raise invalid("Reference does not exist")
    return Answer(204)


@router.add("GET", R + "/pulls")
def list_pulls(world, request, repo, **_):
    state = request.query.get("state", "open")
    head = request.query.get("head", "").rpartition(":")[2]
    base = request.query.get("base", "")
    found = [p for p in repo.pulls.values()
             if state in ("all", p["state"]) and head in ("", p["head"]["ref"])
             and base in ("", p["base"]["ref"])]
    found.sort(key=lambda p: p["number"], reverse=True)
    page, headers = paginate(request, found, f"/repositories/{repo.id}/pulls")
    return Answer(200, page, headers)


@router.add("GET", R + "/pulls/{number}")
def get_pull(world, request, repo, number, **_):
    return Answer(200, _pull(repo, number))


@router.add("POST", R + "/pulls", creates=True)
def create_pull(world, request, repo, **_):
    body = request.json()
    head, base = body.get("head", "").rpartition(":")[2], body.get("base", "")
    for field, name in (("head", head), ("base", base)):
        if f"refs/heads/{name}" not in repo.refs:
            raise invalid("Validation Failed",
                          [{"resource": "PullRequest", "field": field, "code": "invalid"}])
    if not body.get("title"):
        raise invalid("Validation Failed",
                      [{"resource": "PullRequest", "field": "title", "code": "missing_field"}])
    shas = repo.refs[f"refs/heads/{head}"], repo.refs[f"refs/heads/{base}"]
    if shas[0] == shas[1]:
        raise invalid("Validation Failed", [{"resource": "PullRequest", "code": "custom",
                                             "message": f"No commits between {base} and {head}"}])
    if any(p["state"] == "open" and (p["head"]["ref"], p["base"]["ref"]) == (head, base)
           for p in repo.pulls.values()):
        raise invalid("Validation Failed", [
            {"resource": "PullRequest", "code": "custom",
             "message": f"A pull request already exists for {repo.owner}:{head}."}])
    number = len(repo.pulls) + 1
    url = f"{request.base}/repos/{repo.full_name}/pulls/{number}"
    repo.pulls[number] = {
        "number": number, "id": world.next_id(), "state": "open", "url": url,
        "html_url": f"https://github.com/{repo.full_name}/pull/{number}",
        "title": body["title"], "body": body.get("body"), "draft": bool(body.get("draft")),
        "user": render.user(request.login), "merged": False,
        "head": {"ref": head, "sha": shas[0]}, "base": {"ref": base, "sha": shas[1]},
    }
    return Answer(201, repo.pulls[number], {"Location": url})


@router.add("PUT", R + "/pulls/{number}/merge")
def merge_pull(world, request, repo, number, **_):
    pull, body = _pull(repo, number), request.json()
    head = repo.refs.get(f"refs/heads/{pull['head']['ref']}", pull["head"]["sha"])
    if pull["state"] != "open" or pull["draft"]:
        raise ApiError(405, "Pull Request is not mergeable")
    if body.get("sha", head) != head:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    merged = sha_of(head + pull["base"]["ref"])
    repo.refs[f"refs/heads/{pull['base']['ref']}"] = merged
    pull.update(state="closed", merged=True)
    return Answer(200, {"sha": merged, "merged": True,
                        "message": "Pull Request successfully merged"})


@router.add("GET", R + "/releases")
def list_releases(world, request, repo, **_):
    found = sorted(repo.releases.values(), key=lambda r: r["id"], reverse=True)
    page, headers = paginate(request, found, f"/repositories/{repo.id}/releases")
    return Answer(200, page, headers)


@router.add("GET", R + "/releases/tags/{tag...}")
def get_release(world, request, repo, tag, **_):
    if tag not in repo.releases or repo.releases[tag]["draft"]:
        raise not_found()
    return Answer(200, repo.releases[tag])


@router.add("POST", R + "/releases", creates=True)
def create_release(world, request, repo, **_):
    body = request.json()
    tag = body.get("tag_name")
    if not tag:
        raise invalid("Invalid request.\n\n\"tag_name\" wasn't supplied.")
    if tag in repo.releases:
        raise invalid("Validation Failed", [{"resource": "Release", "field": "tag_name",
                                             "code": "already_exists"}])
    release = {
        "id": world.next_id(), "tag_name": tag, "name": body.get("name") or tag,
        "target_commitish": body.get("target_commitish", repo.default_branch),
        "body": body.get("body"), "draft": bool(body.get("draft")),
        "prerelease": bool(body.get("prerelease")),
        "html_url": f"https://github.com/{repo.full_name}/releases/tag/{tag}",
    }
    repo.releases[tag] = release
    if not release["draft"]:
        _, sha = repo.resolve(release["target_commitish"]) or (None, sha_of(tag))
        repo.refs.setdefault(f"refs/tags/{tag}", sha)
    return Answer(201, release)


@router.add("GET", "/user")
def get_user(world, request, **_):
    if not request.login:
        raise ApiError(401, "Requires authentication")
    return Answer(200, render.user(request.login))


def _pull(repo, number):
    found = repo.pulls.get(int(number)) if number.isdigit() else None
    if found is None:
        raise not_found()
    return found
