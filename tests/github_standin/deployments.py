"""Gates of runs: environments to approve, forks to let in; deployments as far as those need.

A job with `environment` waits until that environment is approved. Scripted in a repository:
  environments  {name: {reviewers: [login], wait_timer, custom}}  custom: a gate of an app
"""

from github_standin import render
from github_standin.actions import run_of
from github_standin.errors import ApiError, invalid
from github_standin.http_types import Answer, Router, permit, wanted
from github_standin.render_actions import environment, stamp

router = Router()
R = "/repos/{owner}/{repo}"
RUN = R + "/actions/runs/{run}"


@router.add("GET", RUN + "/pending_deployments")
def pending(world, request, repo, run, **_):
    found = run_of(repo, run)
    found.settle(world.clock.now_ms())
    shown = []
    for name in _waiting(found):
        spec = repo.environments[name]
        known = environment(repo, name, request.base)
        shown.append({
            "environment": {k: known[k] for k in ("id", "node_id", "name", "url", "html_url")},
            "wait_timer": spec.get("wait_timer", 0),
            "wait_timer_started_at": stamp(found.latest.waiting_since_ms),
            "current_user_can_approve": _may(spec, request.login),
            "reviewers": [{"type": "User", "reviewer": render.user(login, request.base)}
                          for login in spec.get("reviewers", [])]})
    return Answer(200, shown)


@router.add("POST", RUN + "/pending_deployments")
def review(world, request, repo, run, **_):
    found, body = run_of(repo, run), request.json()
    permit(body, ("environment_ids", "state", "comment"))
    ids, state = wanted(body, "environment_ids", list), wanted(body, "state")
    if not isinstance(body.get("comment"), str):
        raise invalid('Invalid request.\n\n"comment" wasn\'t supplied.')
    if state not in ("approved", "rejected"):
        raise invalid(f"Invalid request.\n\n{state} is not a possible value of state.")
    found.settle(world.clock.now_ms())
    by_id = {repo.environments[name]["id"]: name for name in _waiting(found)}
    if not ids or set(ids) - set(by_id):
        raise invalid("Invalid environment id: no pending deployment request(s) to approve or "
                      "reject")
    names = [by_id[i] for i in ids]
    if not all(_may(repo.environments[name], request.login) for name in names):
        raise ApiError(403, "You are not a reviewer of this environment")
    found.decide(names, state, request.login, body["comment"], world.clock.now_ms())
    return Answer(200, [_deployment(world, repo, found, name, request) for name in names])


@router.add("GET", RUN + "/approvals")
def approvals(world, request, repo, run, **_):
    return Answer(200, [
        {"environments": [environment(repo, name, request.base) for name in a["environments"]],
         "state": a["state"], "comment": a["comment"],
         "user": render.user(a["user"], request.base)} for a in run_of(repo, run).approvals])


@router.add("POST", RUN + "/approve")
def approve(world, request, repo, run, **_):
    run_of(repo, run).approve_fork(world.clock.now_ms())
    return Answer(201, {})


@router.add("POST", RUN + "/deployment_protection_rule")
def custom_gate(world, request, repo, run, **_):
    found, body = run_of(repo, run), request.json()
    permit(body, ("environment_name", "state", "comment"))
    name = wanted(body, "environment_name")
    if body.get("state") not in (None, "approved", "rejected"):
        raise invalid("Invalid request.\n\nstate is not a possible value.")
    found.settle(world.clock.now_ms())
    if name not in _waiting(found) or not repo.environments[name].get("custom"):
        raise invalid("No pending custom deployment protection rule for this environment")
    if "state" in body:
        found.decide([name], body["state"], request.login, body.get("comment", ""),
                     world.clock.now_ms())
    return Answer(204)


@router.add("GET", R + "/environments")
def environments(world, request, repo, **_):
    shown = [environment(repo, name, request.base) for name in sorted(repo.environments)]
    return Answer(200, {"total_count": len(shown), "environments": shown})


def _waiting(run):
    """The names of the environments that jobs of this run wait for, each once."""
    if run.latest.status != "waiting":
        return []
    return list(dict.fromkeys(job.environment for job in run.latest.gate()))


def _may(spec, login):
    return not spec.get("reviewers") or login in spec["reviewers"]


def _deployment(world, repo, run, name, request):
    number, home = world.next_id(), f"{request.base}/repos/{repo.full_name}"
    at = stamp(world.clock.now_ms())
    return {"id": number, "node_id": render.node_id("Deployment", number), "sha": run.sha,
            "ref": run.branch, "task": "deploy", "payload": {}, "original_environment": name,
            "environment": name, "description": None, "created_at": at, "updated_at": at,
            "creator": render.user(run.actor, request.base),
            "url": f"{home}/deployments/{number}", "repository_url": home,
            "statuses_url": f"{home}/deployments/{number}/statuses"}
