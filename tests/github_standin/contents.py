"""Files of a branch: GET, PUT and DELETE contents."""

import base64

from github_standin import render
from github_standin.errors import ApiError, invalid, not_found
from github_standin.git import FILE
from github_standin.http_types import Answer, Router, permit, wanted
from github_standin.refs import decode

router = Router()
PATH = "/repos/{owner}/{repo}/contents/{path...}"


@router.add("GET", PATH)
def get_contents(world, request, repo, path, **_):
    ref = request.query.get("ref") or repo.default_branch
    found = repo.resolve(ref)
    if found is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    files, path = repo.git.files(found[1]), path.strip("/")
    if path in files:
        accept = request.headers.get("accept", "")
        if "raw" in accept:
            return Answer(200, raw=repo.git.get(files[path][1], "blob"),
                          headers={"Content-Type": "application/vnd.github.raw"})
        return Answer(200, _file(request, repo, path, files[path][1], ref, True))
    inside = sorted({p[len(path) + 1:].split("/")[0] for p in files if p.startswith(path + "/")})
    if not inside:
        raise not_found()
    listed = []
    for name in inside:
        full = f"{path}/{name}"
        sha = files[full][1] if full in files else repo.git.build(
            {p[len(full) + 1:]: v for p, v in files.items() if p.startswith(full + "/")})
        listed.append(_file(request, repo, full, sha, ref, False, full in files))
    return Answer(200, listed)


@router.add("PUT", PATH, creates=True)
def put_contents(world, request, repo, path, **_):
    body = request.json()
    permit(body, ("message", "content", "sha", "branch", "committer", "author"))
    message = wanted(body, "message")
    if not isinstance(body.get("content"), str):
        raise invalid('Invalid request.\n\n"content" wasn\'t supplied.')
    name, head, files = _branch(world, repo, body)
    known = files.get(path)
    _check_sha(path, known, body, needed=known is not None)
    blob = repo.git.blob(decode(body["content"], "base64"))
    files[path] = (known[0] if known else FILE, blob)
    commit = _commit(world, request, repo, name, head, files, message)
    return Answer(200 if known else 201, {
        "content": _file(request, repo, path, blob, name, False),
        "commit": render.git_commit(repo, commit, request.base)})


@router.add("DELETE", PATH)
def delete_contents(world, request, repo, path, **_):
    body = request.json()
    message = wanted(body, "message")
    name, head, files = _branch(world, repo, body)
    if path not in files:
        raise not_found()
    _check_sha(path, files[path], body, needed=True)
    del files[path]
    commit = _commit(world, request, repo, name, head, files, message)
    return Answer(200, {"content": None, "commit": render.git_commit(repo, commit, request.base)})


def _branch(world, repo, body):
    """(branch, its head or None, its files); the first file of an empty repository makes it."""
    name = body.get("branch") or repo.default_branch
    head = repo.refs.get(f"refs/heads/{name}")
    if head is None and repo.refs:
        raise ApiError(404, f"Branch {name} not found")
    return name, head, repo.git.files(head) if head else {}


def _check_sha(path, known, body, needed):
    if needed and not body.get("sha"):
        raise invalid('Invalid request.\n\n"sha" wasn\'t supplied.')
    if body.get("sha") and (known is None or body["sha"] != known[1]):
        raise ApiError(409, f"{path} does not match {body['sha']}")


def _commit(world, request, repo, branch, head, files, message):
    author = {"name": request.login, "email": f"{request.login}@users.noreply.github.com"}
    sha = repo.git.commit(repo.git.build(files), [head] if head else [], message,
                          world.clock.now_ms(), author)
    world.set_ref(repo, f"refs/heads/{branch}", sha, request.login)
    return sha


def _file(request, repo, path, sha, ref, whole, is_file=True):
    url = f"{request.base}/repos/{repo.full_name}/contents/{path}?ref={ref}"
    kind = "blob" if is_file else "tree"
    git = f"{request.base}/repos/{repo.full_name}/git/{kind}s/{sha}"
    html = f"{render.WEB}/{repo.full_name}/{kind}/{ref}/{path}"
    data = (repo.git.get(sha, "blob") if is_file else None) or b""
    shown = {"type": "file" if is_file else "dir", "name": path.rpartition("/")[2], "path": path,
             "sha": sha, "size": len(data), "url": url, "git_url": git, "html_url": html,
             "download_url": html.replace("/blob/", "/raw/") if is_file else None,
             "_links": {"self": url, "git": git, "html": html}}
    if whole:
        shown.update(encoding="base64", content=base64.encodebytes(data).decode())
    return shown
