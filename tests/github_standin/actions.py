"""GitHub Actions: workflows, dispatch, runs, attempts, jobs, re-runs, cancel."""

from github_standin import render_actions as render
from github_standin.clock import iso
from github_standin.errors import ApiError, invalid, not_found
from github_standin.http_types import Answer, Router, paginate, permit

NEW_VERSION = "2026-03-10"
SEARCH_MAX = 1000
INPUTS_MAX = 25

router = Router()
R = "/repos/{owner}/{repo}/actions"


@router.add("GET", R + "/workflows")
def list_workflows(world, request, repo, **_):
    page, headers = paginate(request, list(repo.workflows.values()),
                             f"/repositories/{repo.id}/actions/workflows")
    return Answer(200, {"total_count": len(repo.workflows),
                        "workflows": [render.workflow(repo, w, request.base) for w in page]},
                  headers)


@router.add("GET", R + "/workflows/{workflow}")
def get_workflow(world, request, repo, workflow, **_):
    return Answer(200, render.workflow(repo, workflow_of(repo, workflow), request.base))


@router.add("POST", R + "/workflows/{workflow}/dispatches")
def dispatch(world, request, repo, workflow, **_):
    wf = workflow_of(repo, workflow)
    body = request.json()
    version = request.headers.get("x-github-api-version")
    known = {"ref", "inputs", "return_run_details"}
    if world.config["api"] != "github":
        known.discard("return_run_details")
        if set(body) - known:
            raise ApiError(400, "Invalid request: unknown field")
    permit(body, known)
    ref, inputs = body.get("ref"), body.get("inputs") or {}
    if not isinstance(ref, str) or not ref:
        raise invalid('Invalid request.\n\n"ref" wasn\'t supplied.')
    if not isinstance(inputs, dict):
        raise invalid("Invalid request.\n\nFor 'properties/inputs', it is not an object.")
    if repo.resolve(ref) is None:
        raise invalid(f"No ref found for: {ref}")
    if wf.dispatch is None:
        raise invalid("Workflow does not have 'workflow_dispatch' trigger")
    if wf.state != "active":
        raise invalid("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    run = world.dispatch(repo, wf, ref, _inputs(wf, inputs), request.login)
    if version != NEW_VERSION and not body.get("return_run_details"):
        return Answer(204)
    shown = render.run(run, request.base)
    return Answer(200, {"workflow_run_id": run.id, "run_url": shown["url"],
                        "html_url": shown["html_url"]})


@router.add("GET", R + "/runs")
def list_runs(world, request, repo, **_):
    return _list(world, request, repo, list(repo.runs.values()),
                 f"/repositories/{repo.id}/actions/runs")


@router.add("GET", R + "/workflows/{workflow}/runs")
def list_workflow_runs(world, request, repo, workflow, **_):
    wf = workflow_of(repo, workflow)
    return _list(world, request, repo, [r for r in repo.runs.values() if r.workflow is wf],
                 f"/repositories/{repo.id}/actions/workflows/{wf.id}/runs")


@router.add("GET", R + "/runs/{run}")
def get_run(world, request, repo, run, **_):
    found = run_of(repo, run)
    found.observe(world.clock.now_ms())
    return Answer(200, render.run(found, request.base))


@router.add("GET", R + "/runs/{run}/attempts/{attempt}")
def get_attempt(world, request, repo, run, attempt, **_):
    found = run_of(repo, run)
    found.observe(world.clock.now_ms())
    return Answer(200, render.run(found, request.base, attempt_of(found, attempt)))


@router.add("GET", R + "/runs/{run}/jobs")
def list_jobs(world, request, repo, run, **_):
    found = run_of(repo, run)
    found.settle(world.clock.now_ms())
    jobs = found.shown.jobs
    if request.query.get("filter") == "all":
        jobs = list({j.id: j for a in found.attempts for j in a.jobs}.values())
    return _jobs(request, found, jobs, f"runs/{found.id}/jobs")


@router.add("GET", R + "/runs/{run}/attempts/{attempt}/jobs")
def list_attempt_jobs(world, request, repo, run, attempt, **_):
    found = run_of(repo, run)
    found.settle(world.clock.now_ms())
    chosen = attempt_of(found, attempt)
    return _jobs(request, found, chosen.jobs, f"runs/{found.id}/attempts/{chosen.number}/jobs")


@router.add("GET", R + "/jobs/{job}")
def get_job(world, request, repo, job, **_):
    run, found = job_of(repo, job)
    run.settle(world.clock.now_ms())
    return Answer(200, render.job(run, found, request.base))


@router.add("POST", R + "/runs/{run}/rerun")
def rerun(world, request, repo, run, **_):
    found = run_of(repo, run)
    _rerun(world, request, found, lambda: found.latest.jobs)
    return Answer(201, {})


@router.add("POST", R + "/runs/{run}/rerun-failed-jobs")
def rerun_failed(world, request, repo, run, **_):
    found = run_of(repo, run)

    def failed():
        jobs = found.failed_jobs()
        if not jobs:
            raise ApiError(403, "The workflow run has no failed jobs")
        return jobs

    _rerun(world, request, found, failed)
    return Answer(201, {})


@router.add("POST", R + "/jobs/{job}/rerun")
def rerun_job(world, request, repo, job, **_):
    run, found = job_of(repo, job)
    _rerun(world, request, run, lambda: [found], ("enable_debugger",))
    return Answer(201, {})


@router.add("POST", R + "/runs/{run}/cancel")
def cancel(world, request, repo, run, **_):
    found = run_of(repo, run)
    found.settle(world.clock.now_ms())
    found.cancel(world.clock.now_ms())
    return Answer(202, {})


@router.add("POST", R + "/runs/{run}/force-cancel")
def force_cancel(world, request, repo, run, **_):
    found = run_of(repo, run)
    found.settle(world.clock.now_ms())
    found.cancel(world.clock.now_ms(), forced=True)
    return Answer(202, {})


@router.add("DELETE", R + "/runs/{run}")
def delete_run(world, request, repo, run, **_):
    found = run_of(repo, run)
    if found.latest.status != "completed":
        raise ApiError(403, "Cannot delete a run that is not completed")
    del repo.runs[found.id]
    return Answer(204)


def _rerun(world, request, run, jobs, more=()):
    permit(request.json(), {"enable_debug_logging"} | set(more))
    now = world.clock.now_ms()
    run.settle(now)
    if run.latest.status != "completed":
        raise ApiError(403, "This workflow is already running")
    run.rerun(jobs(), now, request.login, world.config["rerun_cap"])


def _list(world, request, repo, runs, path):
    now, query = world.clock.now_ms(), request.query
    runs = [r for r in runs if _visible(r) and _matches(r, query)]
    runs.sort(key=lambda r: r.id, reverse=True)
    if query.get("status"):
        for run in runs:
            run.observe(now)
        runs = [r for r in runs if query["status"] in (r.shown.status, r.shown.conclusion)]
    total = min(len(runs), world.config["total_count_cap"])
    if set(query) - {"per_page", "page", "exclude_pull_requests"}:
        runs = runs[:SEARCH_MAX]
    page, headers = paginate(request, runs, path)
    if not query.get("status"):
        for run in page:
            run.observe(now)
    return Answer(200, {"total_count": total,
                        "workflow_runs": [render.run(r, request.base) for r in page]}, headers)


def _visible(run):
    if run.hidden_reads > 0:
        run.hidden_reads -= 1
        return False
    return True


def _matches(run, query):
    wanted = {"branch": run.branch, "event": run.event, "actor": run.actor, "head_sha": run.sha,
              "check_suite_id": str(run.suite_id)}
    if any(query.get(key) not in (None, "", value) for key, value in wanted.items()):
        return False
    return _created(iso(run.created_ms), query.get("created", ""))


def _created(at, wanted):
    """GitHub's search form of dates: >=X, <=X, >X, <X, X..Y, or a day."""
    if not wanted:
        return True
    for sign, holds in ((">=", lambda x: at >= x), ("<=", lambda x: at[:len(x)] <= x),
                        (">", lambda x: at > x), ("<", lambda x: at < x)):
        if wanted.startswith(sign):
            return holds(wanted[len(sign):])
    low, dots, high = wanted.partition("..")
    return (low <= at and at[:len(high)] <= high) if dots else at.startswith(wanted)


def _inputs(wf, given):
    """The inputs as the run gets them: text, with defaults; 422 for what the workflow refuses."""
    declared = wf.dispatch.get("inputs", {})
    if len(given) > INPUTS_MAX:
        raise invalid(f"Invalid request.\n\nNo more than {INPUTS_MAX} properties are allowed.")
    extra = [name for name in given if name not in declared]
    if extra:
        raise invalid(f"Unexpected inputs provided: {extra}".replace("'", '"'))
    inputs = {}
    for name, spec in declared.items():
        value = given.get(name, spec.get("default"))
        if value in (None, "") and spec.get("required"):
            raise invalid(f"Required input '{name}' not provided")
        if isinstance(value, bool):
            value = "true" if value else "false"
        value = "" if value is None else str(value)
        if "options" in spec and value not in spec["options"]:
            raise invalid(f"Provided value '{value}' for input '{name}' not in the list of "
                          "allowed values")
        inputs[name] = value
    return inputs


def _jobs(request, run, jobs, path):
    page, headers = paginate(request, jobs, f"/repositories/{run.repo.id}/actions/{path}")
    return Answer(200, {"total_count": len(jobs),
                        "jobs": [render.job(run, j, request.base) for j in page]}, headers)


def workflow_of(repo, key):
    found = repo.workflow(key)
    if found is None:
        raise not_found()
    return found


def run_of(repo, key):
    found = repo.runs.get(int(key)) if key.isdigit() else None
    if found is None:
        raise not_found()
    return found


def attempt_of(run, key):
    found = run.attempt(int(key)) if key.isdigit() else None
    if found is None:
        raise not_found()
    return found


def job_of(repo, key):
    for run in repo.runs.values():
        for attempt in reversed(run.attempts):
            for job in attempt.jobs:
                if str(job.id) == key:
                    return run, job
    raise not_found()
