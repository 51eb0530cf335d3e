"""The interface to script outcomes: /_admin. No authentication, no limits, no faults.

GET  /_admin/state            repositories with refs, runs and attempts; requests; faults; clock
GET  /_admin/effects          what was brought about, without ids, shas and times: to compare two
POST /_admin/script           a script document (script.py), merged into the world
POST /_admin/runs             {repository, workflow, ref, event, plan}: starts a run
POST /_admin/runs/{id}        {conclusion}: ends the latest attempt now;  DELETE: forgets the run
POST /_admin/faults           one fault (faults.py);  DELETE: forgets them all
GET  /_admin/clock            {now_ms, scale}
POST /_admin/clock            {advance_ms, scale}
GET  /_admin/requests         the requests so far, as in the log;  DELETE: forgets them
POST /_admin/quota            {token | login | installation, resource, remaining, limit}
POST /_admin/apps             {client_id, id, ..., form}: an App; makes its private key if none given
POST /_admin/tokens/expire    every installation token is over
POST /_admin/hooks            a hook (webhooks.py);  DELETE /_admin/hooks: none any more
GET  /_admin/deliveries       what was sent and answered; ?wait_ms=5000 first waits until all is
POST /_admin/deliveries       {event, payload, repository}: one by hand, to every hook
POST /_admin/deliveries/{id}  sends it again
POST /_admin/delivery-faults  one (webhooks.py);  DELETE: forgets them all
"""

from github_standin import app_auth
from github_standin.effects import effects_of
from github_standin.errors import ApiError, not_found
from github_standin.http_types import Answer, Router
from github_standin.render_pulls import pull as pull_shape
from github_standin.render_pulls import release as release_shape
from github_standin.runs import summary
from github_standin.script import apply_script, start_scripted_run
from github_standin.webhooks import DeliveryFault

router = Router()


@router.add("GET", "/_admin/state")
def state(app, request):
    world = app.world
    app.tick()
    return Answer(200, {
        "clock": _clock(world),
        "config": dict(world.config, tokens=len(world.config["tokens"])),
        "repositories": {
            name: {
                "refs": repo.refs,
                "workflows": {w.file: w.id for w in repo.workflows.values()},
                "runs": [summary(r) for r in repo.runs.values()],
                "pulls": [pull_shape(repo, p, world.base, "unknown")
                          for p in repo.pulls.values()],
                "issues": list(repo.issues.values()),
                "releases": [release_shape(repo, r, world.base) for r in repo.releases.values()],
            }
            for name, repo in world.repositories.items()
        },
        "pending": len(world.pending),
        "requests": app.journal.counts(),
        "faults": app.faults.report(),
        "deliveries": len(app.hooks.deliveries),
    })


@router.add("GET", "/_admin/effects")
def effects(app, request):
    app.tick()
    return Answer(200, effects_of(app.world))


@router.add("POST", "/_admin/script")
def script(app, request):
    apply_script(app, request.json())
    return Answer(200, {})


@router.add("POST", "/_admin/runs")
def start(app, request):
    spec = request.json()
    repo = app.world.repository(spec.pop("repository", ""))
    if repo is None:
        raise not_found()
    return Answer(201, summary(start_scripted_run(app.world, repo, spec)))


@router.add("POST", "/_admin/runs/{run}")
def end(app, request, run):
    found = _run(app, run)
    found.force(request.json().get("conclusion", "success"), app.world.clock.now_ms())
    return Answer(200, summary(found))


@router.add("DELETE", "/_admin/runs/{run}")
def forget_run(app, request, run):
    found = _run(app, run)
    del found.repo.runs[found.id]
    return Answer(204)


@router.add("POST", "/_admin/faults")
def add_fault(app, request):
    app.faults.add(request.json())
    return Answer(201, {})


@router.add("DELETE", "/_admin/faults")
def clear_faults(app, request):
    app.faults.clear()
    return Answer(204)


@router.add("GET", "/_admin/clock")
def get_clock(app, request):
    return Answer(200, _clock(app.world))


@router.add("POST", "/_admin/clock")
def set_clock(app, request):
    body = request.json()
    try:
        if "scale" in body:
            app.world.clock.set_scale(body["scale"])
        app.world.clock.advance(body.get("advance_ms", 0))
    except ValueError as error:
        raise ApiError(422, str(error)) from None
    app.tick()
    return Answer(200, _clock(app.world))


@router.add("GET", "/_admin/requests")
def requests(app, request):
    return Answer(200, app.journal.entries)


@router.add("DELETE", "/_admin/requests")
def forget_requests(app, request):
    app.journal.clear()
    return Answer(204)


@router.add("POST", "/_admin/quota")
def set_quota(app, request):
    body = request.json()
    key = body.get("token")
    for kind in ("login", "installation"):
        key = f"{kind}:{body[kind]}" if kind in body else key
    quota = app.limits.quota(key, None, body.get("resource", "core"))
    quota.limit = body.get("limit", quota.limit)
    quota.used = quota.limit - body.get("remaining", quota.remaining)
    return Answer(200, quota.view())


@router.add("POST", "/_admin/apps")
def add_app(app, request):
    spec = request.json()
    client_id, form = spec.pop("client_id", "Iv23standin"), spec.pop("form", "pkcs1")
    made = {}
    if not {"public_key", "private_key"} & set(spec):
        made["private_key"] = spec["private_key"] = app_auth.new_key(form)
    apply_script(app, {"apps": {client_id: spec}})
    known = app.world.apps[client_id]
    return Answer(201, dict(made, client_id=client_id, id=known.id, hook_id=known.hook_id))


@router.add("POST", "/_admin/tokens/expire")
def expire_tokens(app, request):
    for token in app.world.installation_tokens.values():
        token["expires_ms"] = 0
    return Answer(200, {"expired": len(app.world.installation_tokens)})


@router.add("POST", "/_admin/hooks")
def add_hook(app, request):
    return Answer(201, {"id": app.hooks.add(request.json()).id})


@router.add("DELETE", "/_admin/hooks")
def clear_hooks(app, request):
    app.hooks.hooks.clear()
    return Answer(204)


@router.add("GET", "/_admin/deliveries")
def deliveries(app, request):
    return Answer(200, [
        {"id": d.id, "guid": d.guid, "hook": d.hook.id, "event": d.event, "action": d.action,
         "redelivery": d.redelivery, "status": d.status, "status_code": d.status_code,
         "duration": d.duration, "answer": d.answer, "faults": sorted(d.faults)}
        for d in app.hooks.deliveries])


@router.add("POST", "/_admin/deliveries")
def deliver(app, request):
    body = request.json()
    repo = app.world.repository(body.get("repository", ""))
    payload = body.get("payload", {})
    made = [app.hooks.deliver(h, body.get("event", "ping"), payload.get("action"),
                              repo.id if repo else None, payload)
            for h in app.hooks.hooks.values()]
    return Answer(201, [{"id": d.id, "guid": d.guid} for d in made if d])


@router.add("POST", "/_admin/deliveries/{delivery}")
def redeliver(app, request, delivery):
    for found in app.hooks.deliveries:
        if str(found.id) == delivery:
            return Answer(202, {"id": app.hooks.redeliver(found).id, "guid": found.guid})
    raise not_found()


@router.add("POST", "/_admin/delivery-faults")
def add_delivery_fault(app, request):
    app.hooks.faults.append(DeliveryFault(request.json()))
    return Answer(201, {})


@router.add("DELETE", "/_admin/delivery-faults")
def clear_delivery_faults(app, request):
    app.hooks.faults.clear()
    return Answer(204)


def _run(app, key):
    for repo in app.world.repositories.values():
        if key.isdigit() and int(key) in repo.runs:
            return repo.runs[int(key)]
    raise not_found()


def _clock(world):
    return {"now_ms": int(world.clock.now_ms()), "scale": world.clock.scale}
