"""Refs, and the git data API: blobs, trees, commits, tags."""

import base64
import re

from github_standin import render
from github_standin.errors import ApiError, invalid, not_found
from github_standin.git import FILE
from github_standin.http_types import Answer, Router, paginate, permit, wanted

router = Router()
R = "/repos/{owner}/{repo}/git"
SHA = re.compile(r"^[0-9a-f]{40}$")
BAD_REF = re.compile(r"\.\.|[\x00-\x20~^:?*\[\\]|/$|//|\.lock$|@\{|\.$")
MODES = {"100644": "blob", "100755": "blob", "040000": "tree", "160000": "commit", "120000": "blob"}


@router.add("GET", R + "/ref/{ref...}")
def get_ref(world, request, repo, ref, **_):
    _not_empty(repo)
    name = "refs/" + ref
    if repo.ref_lag.get(name, 0) > 0:
        repo.ref_lag[name] -= 1
        raise not_found()
    if name not in repo.refs:
        raise not_found()
    return Answer(200, render.ref(repo, name, request.base))


@router.add("GET", R + "/matching-refs/{prefix...}")
def matching_refs(world, request, repo, prefix, **_):
    _not_empty(repo)
    names = sorted(n for n in repo.refs if n.startswith("refs/" + prefix))
    page, headers = paginate(request, names,
                             f"/repositories/{repo.id}/git/matching-refs/{prefix}")
    return Answer(200, [render.ref(repo, n, request.base) for n in page], headers)


@router.add("POST", R + "/refs", creates=True)
def create_ref(world, request, repo, **_):
    body = request.json()
    permit(body, ("ref", "sha"))
    name, sha = wanted(body, "ref"), wanted(body, "sha")
    if not name.startswith("refs/") or name.count("/") < 2:
        raise invalid("Reference name must start with 'refs/' and have at least two slashes.")
    if BAD_REF.search(name):
        raise invalid(f"{name} is not a valid ref name.")
    if not SHA.match(sha):
        raise invalid('The sha parameter must be exactly 40 characters and contain only [0-9a-f].')
    _not_empty(repo)
    if name in repo.refs:
        raise invalid("Reference already exists")
    if any(name.startswith(other + "/") or other.startswith(name + "/") for other in repo.refs):
        raise invalid("Reference cannot be created: it is a folder of another, or in one")
    if repo.git.kind(sha) not in ("commit", "tag"):
        raise invalid("Object does not exist")
    world.set_ref(repo, name, sha, request.login)
    repo.ref_lag[name] = world.config["ref_lag_reads"]
    return Answer(201, render.ref(repo, name, request.base),
                  {"Location": f"{request.base}/repos/{repo.full_name}/git/{name}"})


@router.add("PATCH", R + "/refs/{ref...}")
def update_ref(world, request, repo, ref, **_):
    body = request.json()
    permit(body, ("sha", "force"))
    name, sha = "refs/" + ref, wanted(body, "sha")
    if name not in repo.refs:
        raise invalid("Reference does not exist")
    if repo.git.kind(sha) not in ("commit", "tag"):
        raise invalid("Object does not exist")
    if not body.get("force") and not repo.git.contains(repo.git.peel(sha),
                                                       repo.git.peel(repo.refs[name])):
        raise invalid("Update is not a fast forward")
    world.set_ref(repo, name, sha, request.login)
    return Answer(200, render.ref(repo, name, request.base))


@router.add("DELETE", R + "/refs/{ref...}")
def delete_ref(world, request, repo, ref, **_):
    if "refs/" + ref not in repo.refs:
        raise invalid("Reference does not exist")
    world.set_ref(repo, "refs/" + ref, None, request.login)
    return Answer(204)


@router.add("POST", R + "/blobs")
def create_blob(world, request, repo, **_):
    _not_empty(repo)
    body = request.json()
    permit(body, ("content", "encoding"))
    content = body.get("content")
    if not isinstance(content, str):
        raise invalid('Invalid request.\n\n"content" wasn\'t supplied.')
    sha = repo.git.blob(decode(content, body.get("encoding", "utf-8")))
    return Answer(201, {"sha": sha, "url": _url(request, repo, "blobs", sha)})


@router.add("GET", R + "/blobs/{sha}")
def get_blob(world, request, repo, sha, **_):
    data = repo.git.get(sha, "blob")
    if data is None:
        raise not_found()
    return Answer(200, {"sha": sha, "node_id": render.node_id("Blob", sha), "size": len(data),
                        "url": _url(request, repo, "blobs", sha), "encoding": "base64",
                        "content": base64.encodebytes(data).decode()})


@router.add("POST", R + "/trees")
def create_tree(world, request, repo, **_):
    _not_empty(repo)
    body = request.json()
    permit(body, ("tree", "base_tree"))
    flat = {}
    if body.get("base_tree"):
        if repo.git.kind(body["base_tree"]) not in ("tree", "commit"):
            raise invalid("tree.base_tree is not a valid tree")
        flat = repo.git.files(body["base_tree"])
    for entry in wanted(body, "tree", list):
        permit(entry, ("path", "mode", "type", "sha", "content"))
        _put_entry(repo, flat, entry)
    sha = repo.git.build(flat)
    return Answer(201, _tree(request, repo, sha, False))


@router.add("GET", R + "/trees/{sha...}")
def get_tree(world, request, repo, sha, **_):
    found = repo.resolve(sha)
    if found:
        sha = repo.git.get(found[1], "commit")["tree"]
    if repo.git.kind(sha) != "tree":
        raise not_found()
    return Answer(200, _tree(request, repo, sha, bool(request.query.get("recursive"))))


@router.add("POST", R + "/commits")
def create_commit(world, request, repo, **_):
    _not_empty(repo)
    body = request.json()
    permit(body, ("message", "tree", "parents", "author", "committer", "signature"))
    if repo.git.kind(wanted(body, "tree")) != "tree":
        raise invalid("Tree SHA does not exist")
    for parent in body.get("parents", []):
        if repo.git.kind(parent) != "commit":
            raise invalid("Parent SHA does not exist or is not a commit object")
    author = body.get("author") or {"name": request.login,
                                    "email": f"{request.login}@users.noreply.github.com"}
    sha = repo.git.commit(body["tree"], body.get("parents", []), wanted(body, "message"),
                          world.clock.now_ms(), {k: author[k] for k in ("name", "email")})
    return Answer(201, render.git_commit(repo, sha, request.base))


@router.add("GET", R + "/commits/{sha}")
def get_commit(world, request, repo, sha, **_):
    if repo.git.kind(sha) != "commit":
        raise not_found()
    return Answer(200, render.git_commit(repo, sha, request.base))


@router.add("POST", R + "/tags")
def create_tag(world, request, repo, **_):
    body = request.json()
    permit(body, ("tag", "message", "object", "type", "tagger"))
    target = wanted(body, "object")
    if repo.git.kind(target) != wanted(body, "type"):
        raise invalid("Object does not exist")
    sha = repo.git.tag(wanted(body, "tag"), target, wanted(body, "message"), world.clock.now_ms())
    return Answer(201, _tag(request, repo, sha))


@router.add("GET", R + "/tags/{sha}")
def get_tag(world, request, repo, sha, **_):
    if repo.git.kind(sha) != "tag":
        raise not_found()
    return Answer(200, _tag(request, repo, sha))


def decode(content, encoding):
    if encoding != "base64":
        return content.encode()
    try:
        return base64.b64decode(content, validate=False)
    except ValueError:
        raise invalid("content is not valid Base64") from None


def _put_entry(repo, flat, entry):
    path, mode = wanted(entry, "path"), entry.get("mode", FILE)
    if mode not in MODES or path.startswith("/"):
        raise invalid("tree.path or tree.mode is malformed")
    if "content" in entry:
        flat[path] = (mode, repo.git.blob(entry["content"].encode()))
    elif entry.get("sha", "") is None:
        for known in [p for p in flat if p == path or p.startswith(path + "/")]:
            del flat[known]
    elif repo.git.kind(entry.get("sha")) == "blob":
        flat[path] = (mode, entry["sha"])
    elif repo.git.kind(entry.get("sha")) == "tree":
        flat.update({f"{path}/{p}": v for p, v in repo.git.files(entry["sha"]).items()})
    else:
        raise invalid("tree.sha does not exist")


def _tree(request, repo, sha, recursive):
    def walk(tree, prefix):
        for mode, name, kind, child in repo.git.get(tree, "tree"):
            entry = {"path": prefix + name, "mode": mode, "type": kind, "sha": child,
                     "url": _url(request, repo, f"{kind}s", child)}
            if kind == "blob":
                entry["size"] = len(repo.git.get(child, "blob") or b"")
            yield entry
            if kind == "tree" and recursive:
                yield from walk(child, f"{prefix}{name}/")

    return {"sha": sha, "url": _url(request, repo, "trees", sha), "tree": list(walk(sha, "")),
            "truncated": False}


def _tag(request, repo, sha):
    tag = repo.git.get(sha, "tag")
    return {"sha": sha, "node_id": render.node_id("Tag", sha), "tag": tag["tag"],
            "url": _url(request, repo, "tags", sha), "message": tag["message"],
            "tagger": render.signature({"name": "octocat", "email": "octocat@github.com"},
                                       tag["ms"]),
            "object": {"sha": tag["object"], "type": tag["kind"],
                       "url": _url(request, repo, tag["kind"] + "s", tag["object"])},
            "verification": render.VERIFICATION}


def _url(request, repo, kind, sha):
    return f"{request.base}/repos/{repo.full_name}/git/{kind}/{sha}"


def _not_empty(repo):
    if not repo.refs:
        raise ApiError(409, "Git Repository is empty.")
