"""Checks and commit statuses: two worlds, both needed for "all green".

Scripted in a repository:
  checks    [{ref, name, conclusions, app, reads, ms, appear_reads, appear_ms, title, status}]
  statuses  [{ref, context, states, reads, appear_reads, appear_ms, description}]
A check appears after `appear_reads` lists of its commit's checks and is completed at the `reads`-th
list that shows it; a list has an entry for each time it is requested again. Jobs are checks too.
"""

from github_standin.clock import iso
from github_standin.errors import ApiError, invalid, not_found
from github_standin.http_types import Answer, Router, paginate, permit, wanted
from github_standin.jobs import pick
from github_standin.render import minimal_repository, node_id, user
from github_standin.render_actions import check_run as shape
from github_standin.render_actions import check_suite, job_check, run_suite

router = Router()
R = "/repos/{owner}/{repo}"
STATES = ("error", "failure", "pending", "success")


def add_check(world, repo, spec):
    sha = repo.resolve(spec.get("ref", repo.default_branch))
    if sha is None:
        raise ApiError(422, f"checks: no ref {spec.get('ref')}")
    slug = spec.get("app", "ci")
    suite = next((c["suite"] for c in repo.checks if c["sha"] == sha[1] and c["app"][0] == slug),
                 None) or world.next_id()
    repo.checks.append({
        "id": world.next_id(), "name": spec["name"], "sha": sha[1], "suite": suite,
        "app": (slug, 7000 + sum(slug.encode())), "spec": spec, "lists": 0, "round": 1,
        "since_lists": spec.get("appear_reads", 0), "at_ms": world.clock.now_ms(),
        "status": "queued", "conclusion": None, "title": spec.get("title"),
        "started_ms": None, "completed_ms": None})


def add_status(world, repo, spec):
    sha = repo.resolve(spec.get("ref", repo.default_branch))
    if sha is None:
        raise ApiError(422, f"statuses: no ref {spec.get('ref')}")
    repo.statuses.append({"id": world.next_id(), "sha": sha[1], "spec": spec, "lists": 0,
                          "context": spec.get("context", "default"), "creator": "ci-bot",
                          "at_ms": world.clock.now_ms()})


@router.add("GET", R + "/commits/{ref}/check-runs")
def list_check_runs(world, request, repo, ref, **_):
    found = of_commit(world, repo, _sha(repo, ref), observe=True,
                      latest=request.query.get("filter", "latest") == "latest")
    return _runs(request, repo, found, f"commits/{ref}/check-runs")


@router.add("GET", R + "/check-suites/{suite}/check-runs")
def list_suite_runs(world, request, repo, suite, **_):
    sha = next((s["sha"] for s in _suites(world, repo, None) if str(s["id"]) == suite), None)
    if sha is None:
        raise not_found()
    found = [c for c in of_commit(world, repo, sha) if str(c["suite"]) == suite]
    return _runs(request, repo, found, f"check-suites/{suite}/check-runs")


@router.add("GET", R + "/commits/{ref}/check-suites")
def list_suites(world, request, repo, ref, **_):
    found = _suites(world, repo, _sha(repo, ref))
    if request.query.get("app_id"):
        found = [s for s in found if str(s["app"][1]) == request.query["app_id"]]
    page, headers = paginate(request, found, f"/repositories/{repo.id}/commits/{ref}/check-suites")
    return Answer(200, {"total_count": len(found), "check_suites": [
        check_suite(repo, s, request.base) for s in page]}, headers)


@router.add("GET", R + "/check-suites/{suite}")
def get_suite(world, request, repo, suite, **_):
    for found in _suites(world, repo, None):
        if str(found["id"]) == suite:
            return Answer(200, check_suite(repo, found, request.base))
    raise not_found()


@router.add("POST", R + "/check-suites/{suite}/rerequest")
def rerequest_suite(world, request, repo, suite, **_):
    for run in repo.runs.values():
        if str(run.suite_id) == suite:
            run.rerun(run.latest.jobs, world.clock.now_ms(), request.login,
                      world.config["rerun_cap"])
            return Answer(201, {})
    chosen = [c for c in repo.checks if str(c["suite"]) == suite]
    if not chosen:
        raise not_found()
    for check in chosen:
        _again(check)
    return Answer(201, {})


@router.add("GET", R + "/check-runs/{check}")
def get_check(world, request, repo, check, **_):
    return Answer(200, shape(repo, _check(world, repo, check), request.base))


@router.add("GET", R + "/check-runs/{check}/annotations")
def annotations(world, request, repo, check, **_):
    found = _check(world, repo, check)
    page, headers = paginate(request, found.get("annotations", []),
                             f"/repositories/{repo.id}/check-runs/{check}/annotations")
    empty = {"path": ".github", "blob_href": "", "start_line": 1, "end_line": 1,
             "start_column": None, "end_column": None, "annotation_level": "failure",
             "title": "", "message": "", "raw_details": ""}
    return Answer(200, [dict(empty, **a) for a in page], headers)


@router.add("POST", R + "/check-runs/{check}/rerequest")
def rerequest_check(world, request, repo, check, **_):
    for found in repo.checks:
        if str(found["id"]) == check:
            _again(found)
            return Answer(201, {})
    raise ApiError(403, "This check run is not rerequestable")


@router.add("GET", R + "/commits/{ref}/status")
def combined(world, request, repo, ref, **_):
    sha = _sha(repo, ref)
    latest = {s["context"]: s for s in _statuses(world, repo, sha)}
    states = [s["state"] for s in latest.values()]
    state = "pending"
    if states:
        state = ("failure" if {"failure", "error"} & set(states) else
                 "pending" if "pending" in states else "success")
    url = f"{request.base}/repos/{repo.full_name}/commits/{sha}"
    shown = [_status(repo, s, request.base) for s in latest.values()]
    return Answer(200, {"state": state, "sha": sha, "total_count": len(shown), "statuses": shown,
                        "repository": minimal_repository(repo, request.base), "commit_url": url,
                        "url": f"{url}/status"})


@router.add("GET", R + "/commits/{ref}/statuses")
def list_statuses(world, request, repo, ref, **_):
    found = list(reversed(_statuses(world, repo, _sha(repo, ref))))
    page, headers = paginate(request, found, f"/repositories/{repo.id}/commits/{ref}/statuses")
    return Answer(200, [_status(repo, s, request.base) for s in page], headers)


@router.add("POST", R + "/statuses/{sha}", creates=True)
def create_status(world, request, repo, sha, **_):
    body = request.json()
    permit(body, ("state", "context", "description", "target_url"))
    if wanted(body, "state") not in STATES:
        raise invalid("Validation Failed", [{"resource": "Status", "field": "state",
                                             "code": "custom"}])
    if repo.git.kind(sha) != "commit":
        raise invalid(f"No commit found for SHA: {sha}")
    add_status(world, repo, {"ref": sha, "states": [body["state"]],
                             "context": body.get("context", "default"),
                             "description": body.get("description"),
                             "target_url": body.get("target_url")})
    repo.statuses[-1]["creator"] = request.login
    world.emit("status", None, repo, status=_statuses(world, repo, sha)[-1], actor=request.login)
    return Answer(201, _status(repo, _statuses(world, repo, sha)[-1], request.base))


def of_commit(world, repo, sha, observe=False, latest=True):
    """The checks of a commit that can be seen by now, jobs included."""
    now, found = world.clock.now_ms(), []
    for run in repo.runs.values():
        if run.sha == sha:
            if observe:
                run.observe(now)
            jobs = run.latest.jobs if latest else [
                j for j in {j.id: j for a in run.attempts for j in a.jobs}.values()]
            found += [job_check(run, job) for job in jobs]
    for check in repo.checks:
        if check["sha"] == sha:
            check["lists"] += observe
            if _settle(world, repo, check):
                found.append(check)
    return found


def missing(repo, sha):
    """The required checks that are not green at this commit."""
    green = {j.name for run in repo.runs.values() if run.sha == sha for j in run.latest.jobs
             if j.conclusion in ("success", "neutral", "skipped")}
    green |= {c["name"] for c in repo.checks if c["sha"] == sha
              and c["conclusion"] in ("success", "neutral", "skipped")}
    green |= {s["context"] for s in repo.statuses if s["sha"] == sha and _state(s) == "success"}
    return [name for name in repo.required_checks if name not in green]


def tick(world, repo):
    """Lets scripted checks that go by the clock go on."""
    for check in repo.checks:
        _settle(world, repo, check)


def _settle(world, repo, check):
    """Moves a scripted check on; False while it has not appeared."""
    spec, now = check["spec"], world.clock.now_ms()
    if check["lists"] <= check["since_lists"] and spec.get("appear_reads"):
        return False
    if now < check["at_ms"] + spec.get("appear_ms", 0):
        return False
    if check["status"] == "completed":
        return True
    if check["started_ms"] is None:
        check["started_ms"] = now
        world.emit("check_run", "created", repo, check=check)
    reads = pick(spec.get("reads"), check["round"], 0)
    ms = pick(spec.get("ms"), check["round"], 0)
    if "never" in (reads, ms) or check["lists"] - check["since_lists"] < reads or (
            now < check["started_ms"] + ms):
        check["status"] = spec.get("status", "in_progress")
        return True
    check.update(status="completed", completed_ms=now,
                 conclusion=pick(spec.get("conclusions"), check["round"], "success"))
    world.emit("check_run", "completed", repo, check=check)
    return True


def _again(check):
    check.update(status="queued", conclusion=None, started_ms=None, completed_ms=None,
                 round=check["round"] + 1, since_lists=check["lists"])


def _runs(request, repo, found, path):
    query = request.query
    found = [c for c in found if query.get("check_name") in (None, c["name"])
             and query.get("status") in (None, c["status"])
             and query.get("app_id") in (None, str(c["app"][1]))]
    page, headers = paginate(request, found, f"/repositories/{repo.id}/{path}")
    return Answer(200, {"total_count": len(found), "check_runs": [
        shape(repo, c, request.base) for c in page]}, headers)


def _suites(world, repo, sha):
    found = [run_suite(r) for r in repo.runs.values() if sha in (None, r.sha)]
    groups = {}
    for check in repo.checks:
        if sha in (None, check["sha"]) and _settle(world, repo, check):
            groups.setdefault(check["suite"], []).append(check)
    for suite, checks in groups.items():
        done = all(c["status"] == "completed" for c in checks)
        bad = [c["conclusion"] for c in checks if c["conclusion"] not in ("success", "neutral",
                                                                          "skipped")]
        found.append({"id": suite, "sha": checks[0]["sha"], "branch": repo.default_branch,
                      "status": "completed" if done else "in_progress",
                      "conclusion": (bad[0] if bad else "success") if done else None,
                      "app": checks[0]["app"], "count": len(checks),
                      "at_ms": checks[0]["at_ms"]})
    return found


def _statuses(world, repo, sha):
    shown = []
    for status in repo.statuses:
        if status["sha"] == sha:
            status["lists"] += 1
            spec = status["spec"]
            if status["lists"] > spec.get("appear_reads", 0) and (
                    world.clock.now_ms() >= status["at_ms"] + spec.get("appear_ms", 0)):
                shown.append(dict(status, state=_state(status)))
    return shown


def _state(status):
    """`states` is indexed by reads: pending, success turns green at the second look."""
    spec = status["spec"]
    seen = status["lists"] - spec.get("appear_reads", 0)
    return pick(spec.get("states"), max(1, seen), "success")


def _status(repo, status, base):
    at = iso(status["at_ms"])
    return {"id": status["id"], "node_id": node_id("Status", status["id"]),
            "url": f"{base}/repos/{repo.full_name}/statuses/{status['sha']}",
            "state": status["state"], "context": status["context"],
            "description": status["spec"].get("description"),
            "target_url": status["spec"].get("target_url"), "avatar_url": None,
            "created_at": at, "updated_at": at, "creator": user(status["creator"], base)}


def _check(world, repo, key):
    for run in repo.runs.values():
        for attempt in reversed(run.attempts):
            for job in attempt.jobs:
                if str(job.id) == key:
                    return job_check(run, job)
    for check in repo.checks:
        if str(check["id"]) == key and _settle(world, repo, check):
            return check
    raise not_found()


def _sha(repo, ref):
    found = repo.resolve(ref)
    if found is None:
        if any(run.sha == ref for run in repo.runs.values()):
            return ref
        raise invalid(f"No commit found for SHA: {ref}")
    return found[1]
