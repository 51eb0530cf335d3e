"""Hooks of repositories and of an App, their deliveries and redelivery."""

import json

from github_standin.clock import iso
from github_standin.errors import ApiError, not_found
from github_standin.http_types import Answer, Router, permit, wanted

router = Router()
R = "/repos/{owner}/{repo}/hooks"
MASK = "********"


@router.add("GET", R)
def list_hooks(world, request, repo, **_):
    return Answer(200, [_hook(repo, h, request.base) for h in _of(world, repo)])


@router.add("POST", R)
def create_hook(world, request, repo, **_):
    body = request.json()
    permit(body, ("name", "config", "events", "active"))
    config = wanted(body, "config", dict)
    hook = world.hooks.add({"url": config.get("url", ""), "secret": config.get("secret", ""),
                            "events": body.get("events", ["push"]),
                            "active": body.get("active", True), "repository": repo.full_name})
    world.hooks.deliver(hook, "ping", None, repo.id,
                        {"zen": "Design for failure.", "hook_id": hook.id,
                         "hook": _hook(repo, hook, request.base)})
    return Answer(201, _hook(repo, hook, request.base))


@router.add("GET", R + "/{hook}")
def get_hook(world, request, repo, hook, **_):
    return Answer(200, _hook(repo, _find(world, repo, hook), request.base))


@router.add("DELETE", R + "/{hook}")
def delete_hook(world, request, repo, hook, **_):
    del world.hooks.hooks[_find(world, repo, hook).id]
    return Answer(204)


@router.add("POST", R + "/{hook}/pings")
def ping(world, request, repo, hook, **_):
    found = _find(world, repo, hook)
    world.hooks.deliver(found, "ping", None, repo.id,
                        {"zen": "Design for failure.", "hook_id": found.id,
                         "hook": _hook(repo, found, request.base)})
    return Answer(204)


@router.add("GET", R + "/{hook}/deliveries")
def list_deliveries(world, request, repo, hook, **_):
    found = _find(world, repo, hook)
    return _log(request, world.hooks.log(lambda h: h is found),
                f"/repositories/{repo.id}/hooks/{hook}/deliveries")


@router.add("GET", R + "/{hook}/deliveries/{delivery}")
def get_delivery(world, request, repo, hook, delivery, **_):
    found = _find(world, repo, hook)
    return _whole(_delivery(world, lambda h: h is found, delivery))


@router.add("POST", R + "/{hook}/deliveries/{delivery}/attempts")
def redeliver(world, request, repo, hook, delivery, **_):
    found = _find(world, repo, hook)
    world.hooks.redeliver(_delivery(world, lambda h: h is found, delivery))
    return Answer(202, {})


@router.add("GET", "/app/hook/config")
def app_config(world, request, **_):
    for hook in world.hooks.hooks.values():
        if hook.app == request.app.id:
            return Answer(200, _config(hook))
    raise not_found()


@router.add("GET", "/app/hook/deliveries")
def list_app_deliveries(world, request, **_):
    return _log(request, world.hooks.log(lambda h: h.app == request.app.id),
                "/app/hook/deliveries", request.app)


@router.add("GET", "/app/hook/deliveries/{delivery}")
def get_app_delivery(world, request, delivery, **_):
    return _whole(_delivery(world, lambda h: h.app == request.app.id, delivery))


@router.add("POST", "/app/hook/deliveries/{delivery}/attempts")
def redeliver_app(world, request, delivery, **_):
    world.hooks.redeliver(_delivery(world, lambda h: h.app == request.app.id, delivery))
    return Answer(202, {})


def _log(request, found, path, app=None):
    """Pages by cursor, as GitHub's: no page numbers, `next` only."""
    status = request.query.get("status")
    if status not in (None, "success", "failure"):
        raise ApiError(422, "Invalid request.\n\nstatus is not a possible value.")
    if status:
        found = [d for d in found if d.failed == (status == "failure") and d.status != "pending"]
    cursor, per_page = request.query.get("cursor", ""), request.number("per_page", 30, 100)
    if cursor:
        if not cursor.removeprefix("v1_").isdigit():
            raise ApiError(422, "Invalid request.\n\ncursor is not valid.")
        found = [d for d in found if d.id <= int(cursor.removeprefix("v1_"))]
    page, rest = found[:per_page], found[per_page:]
    headers = {}
    if rest:
        more = f"&status={status}" if status else ""
        headers["Link"] = (f"<{request.base}{path}?per_page={per_page}&cursor=v1_{rest[0].id}{more}"
                           '>; rel="next"')
    return Answer(200, [_item(d) for d in page], headers)


def _item(delivery):
    return {"id": delivery.id, "guid": delivery.guid, "delivered_at": iso(delivery.at_ms),
            "redelivery": delivery.redelivery, "duration": delivery.duration,
            "status": delivery.status, "status_code": delivery.status_code,
            "event": delivery.event, "action": delivery.action, "installation_id": None,
            "repository_id": delivery.repository_id, "throttled_at": None}


def _whole(delivery):
    return Answer(200, dict(_item(delivery), url=delivery.hook.url.geturl(), request={
        "headers": delivery.headers, "payload": json.loads(delivery.raw)}, response={
            "headers": delivery.answer_headers, "payload": delivery.answer}))


def _delivery(world, hook_filter, key):
    for found in world.hooks.log(hook_filter):
        if str(found.id) == key:
            return found
    raise not_found()


def _of(world, repo):
    return [h for h in world.hooks.hooks.values() if h.repository == repo.full_name]


def _find(world, repo, key):
    found = next((h for h in _of(world, repo) if str(h.id) == key), None)
    if found is None:
        raise not_found()
    return found


def _config(hook):
    shown = {"url": hook.url.geturl(), "content_type": "json", "insecure_ssl": "0"}
    return dict(shown, secret=MASK) if hook.secret else shown


def _hook(repo, hook, base):
    url = f"{base}/repos/{repo.full_name}/hooks/{hook.id}"
    at = iso(repo.created_ms)
    return {"type": "Repository", "id": hook.id, "name": "web", "active": hook.active,
            "events": hook.events, "config": _config(hook), "created_at": at, "updated_at": at,
            "url": url, "test_url": f"{url}/test", "ping_url": f"{url}/pings",
            "deliveries_url": f"{url}/deliveries",
            "last_response": {"code": None, "status": "unused", "message": None}}
