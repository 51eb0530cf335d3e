"""The interface to script outcomes: /_admin. No authentication, no limits, no faults.

GET  /_admin/state            repositories with refs, runs and attempts; requests; faults; clock
POST /_admin/script           a script document (script.py), merged into the world
POST /_admin/runs             {repository, workflow, ref, event, plan}: starts a run
POST /_admin/runs/{id}        {conclusion}: ends the latest attempt now
POST /_admin/faults           one fault (faults.py);  DELETE: forgets them all
GET  /_admin/clock            {now_ms, scale}
POST /_admin/clock            {advance_ms, scale}
GET  /_admin/requests         the requests so far, as in the log
"""

from github_standin.errors import ApiError, not_found
from github_standin.http_types import Answer, Router
from github_standin.runs import summary
from github_standin.script import apply_script, start_scripted_run

router = Router()


@router.add("GET", "/_admin/state")
def state(app, request):
    world = app.world
    now = world.clock.now_ms()
    for repo in world.repositories.values():
        for run in repo.runs.values():
            run.settle(now)
    return Answer(200, {
        "clock": _clock(world),
        "config": dict(world.config, tokens=len(world.config["tokens"])),
        "repositories": {
            name: {
                "refs": repo.refs,
                "workflows": {w.file: w.id for w in repo.workflows.values()},
                "runs": [summary(r) for r in repo.runs.values()],
                "pulls": list(repo.pulls.values()),
                "releases": list(repo.releases.values()),
            }
            for name, repo in world.repositories.items()
        },
        "pending": len(world.pending),
        "requests": app.journal.counts(),
        "faults": app.faults.report(),
    })


@router.add("POST", "/_admin/script")
def script(app, request):
    apply_script(app.world, app.faults, request.json())
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
    for repo in app.world.repositories.values():
        if run.isdigit() and int(run) in repo.runs:
            found = repo.runs[int(run)]
            found.force(request.json().get("conclusion", "success"), app.world.clock.now_ms())
            return Answer(200, summary(found))
    raise not_found()


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
    app.world.settle()
    return Answer(200, _clock(app.world))


@router.add("GET", "/_admin/requests")
def requests(app, request):
    return Answer(200, app.journal.entries)


def _clock(world):
    return {"now_ms": int(world.clock.now_ms()), "scale": world.clock.scale}
