"""Releases: create, change, generated notes, assets (uploads host included)."""

import hashlib

from github_standin.blobs import link
from github_standin.errors import ApiError, invalid, not_found
from github_standin.http_types import Answer, Router, paginate, permit, wanted
from github_standin.render_pulls import asset as asset_shape
from github_standin.render_pulls import release as shape

router = Router()
REPO = "/repos/{owner}/{repo}"
R = REPO + "/releases"
KEYS = ("tag_name", "target_commitish", "name", "body", "draft", "prerelease",
        "discussion_category_name", "generate_release_notes", "make_latest")


@router.add("GET", R)
def list_releases(world, request, repo, **_):
    found = sorted(repo.releases.values(), key=lambda r: r["id"], reverse=True)
    page, headers = paginate(request, found, f"/repositories/{repo.id}/releases")
    return Answer(200, [shape(repo, r, request.base) for r in page], headers)


@router.add("GET", R + "/latest")
def latest(world, request, repo, **_):
    found = [r for r in repo.releases.values() if not r["draft"] and not r["prerelease"]]
    if not found:
        raise not_found()
    chosen = max(found, key=lambda r: (r["latest"], r["published_ms"], r["id"]))
    return Answer(200, shape(repo, chosen, request.base))


@router.add("GET", R + "/tags/{tag...}")
def by_tag(world, request, repo, tag, **_):
    found = next((r for r in repo.releases.values() if r["tag_name"] == tag and not r["draft"]),
                 None)
    if found is None:
        raise not_found()
    return Answer(200, shape(repo, found, request.base))


@router.add("GET", R + "/{release}")
def get(world, request, repo, release, **_):
    return Answer(200, shape(repo, _release(repo, release), request.base))


@router.add("POST", R, creates=True)
def create(world, request, repo, **_):
    body = request.json()
    permit(body, KEYS)
    tag = wanted(body, "tag_name")
    target = body.get("target_commitish") or repo.default_branch
    if not body.get("draft") and any(r["tag_name"] == tag and not r["draft"]
                                     for r in repo.releases.values()):
        raise _refused("tag_name", "already_exists")
    if f"refs/tags/{tag}" not in repo.refs and repo.resolve(target) is None:
        raise _refused("target_commitish", "invalid")
    now = world.clock.now_ms()
    release = {"id": world.next_id(), "tag_name": tag, "name": body.get("name"),
               "body": body.get("body"), "target_commitish": target,
               "draft": bool(body.get("draft")), "prerelease": bool(body.get("prerelease")),
               "latest": body.get("make_latest", "true") != "false", "author": request.login,
               "assets": [], "created_ms": now, "published_ms": None}
    if body.get("generate_release_notes"):
        notes = _notes(repo, tag, target, None)
        release["name"] = release["name"] or notes["name"]
        release["body"] = "\n\n".join(t for t in (release["body"], notes["body"]) if t)
    repo.releases[release["id"]] = release
    world.emit("release", "created", repo, release=release, actor=request.login)
    if not release["draft"]:
        _publish(world, repo, release, request.login)
    return Answer(201, shape(repo, release, request.base),
                  {"Location": f"{request.base}/repos/{repo.full_name}/releases/{release['id']}"})


@router.add("PATCH", R + "/{release}")
def change(world, request, repo, release, **_):
    found, body = _release(repo, release), request.json()
    permit(body, KEYS)
    tag = body.get("tag_name", found["tag_name"])
    if not body.get("draft", found["draft"]) and any(
            r is not found and r["tag_name"] == tag and not r["draft"]
            for r in repo.releases.values()):
        raise _refused("tag_name", "already_exists")
    for key in ("tag_name", "target_commitish", "name", "body", "draft", "prerelease"):
        found[key] = body.get(key, found[key])
    if not found["draft"] and found["published_ms"] is None:
        _publish(world, repo, found, request.login)
    else:
        world.emit("release", "edited", repo, release=found, actor=request.login)
    return Answer(200, shape(repo, found, request.base))


@router.add("DELETE", R + "/assets/{asset}")
def delete_asset(world, request, repo, asset, **_):
    release, found = _asset(repo, asset)
    release["assets"].remove(found)
    return Answer(204)


@router.add("DELETE", R + "/{release}")
def delete(world, request, repo, release, **_):
    del repo.releases[_release(repo, release)["id"]]
    return Answer(204)


@router.add("POST", R + "/generate-notes")
def generate_notes(world, request, repo, **_):
    body = request.json()
    permit(body, ("tag_name", "target_commitish", "previous_tag_name",
                  "configuration_file_path"))
    return Answer(200, _notes(repo, wanted(body, "tag_name"), body.get("target_commitish"),
                              body.get("previous_tag_name")))


@router.add("GET", R + "/{release}/assets")
def list_assets(world, request, repo, release, **_):
    found = _release(repo, release)
    return Answer(200, [asset_shape(repo, found, a, request.base) for a in found["assets"]])


@router.add("POST", "/uploads" + R + "/{release}/assets", creates=True)
def upload(world, request, repo, release, **_):
    found, name = _release(repo, release), request.query.get("name")
    if not name:
        raise ApiError(400, "Bad Request: name is missing")
    if not request.headers.get("content-type"):
        raise ApiError(400, "Bad Content-Type: it is missing")
    if any(a["name"] == name for a in found["assets"]):
        raise invalid("Validation Failed", [{"resource": "ReleaseAsset", "field": "name",
                                             "code": "already_exists"}])
    asset = {"id": world.next_id(), "name": name, "label": request.query.get("label"),
             "content_type": request.headers["content-type"], "data": request.body,
             "sha256": hashlib.sha256(request.body).hexdigest(),
             "created_ms": world.clock.now_ms()}
    found["assets"].append(asset)
    return Answer(201, asset_shape(repo, found, asset, request.base))


@router.add("GET", R + "/assets/{asset}")
def get_asset(world, request, repo, asset, **_):
    release, found = _asset(repo, asset)
    if "octet-stream" in request.headers.get("accept", ""):
        return link(world, request, found["data"], found["content_type"])
    return Answer(200, asset_shape(repo, release, found, request.base))


def _publish(world, repo, release, login):
    release["published_ms"] = world.clock.now_ms()
    ref = f"refs/tags/{release['tag_name']}"
    if ref not in repo.refs:
        world.set_ref(repo, ref, repo.resolve(release["target_commitish"])[1], login)
    for action in ("published", "prereleased" if release["prerelease"] else "released"):
        world.emit("release", action, repo, release=release, actor=login)
    world.trigger(repo, "release", ref, login, "published")


def _notes(repo, tag, target, previous):
    found = repo.resolve(tag) or repo.resolve(target or repo.default_branch)
    if found is None or (previous and repo.resolve(previous) is None):
        raise invalid("Validation Failed")
    merged = [p for p in repo.pulls.values() if p["merged"]]
    lines = [f"* {p['title']} by @{p['user']} in #{p['number']}" for p in merged]
    span = f"{previous}...{tag}" if previous else f"commits/{tag}"
    body = "\n".join(["## What's Changed"] + lines +
                     ["", f"**Full Changelog**: https://github.com/{repo.full_name}/{span}"])
    return {"name": tag, "body": body}


def _release(repo, key):
    found = repo.releases.get(int(key)) if key.isdigit() else None
    if found is None:
        raise not_found()
    return found


def _asset(repo, key):
    for release in repo.releases.values():
        for asset in release["assets"]:
            if str(asset["id"]) == key:
                return release, asset
    raise not_found()


def _refused(field, code):
    return invalid("Validation Failed", [{"resource": "Release", "field": field, "code": code}])
