"""GitHub's JSON shapes of workflows, runs, jobs, checks, gates and artifacts. Pure: a dict out."""

from github_standin.clock import iso
from github_standin.render import (WEB, integration, minimal_repository, node_id, simple_commit,
                                   user)

ACTIONS_APP = ("github-actions", 15368)
ARTIFACT_LIFE_MS = 90 * 24 * 3600 * 1000


def stamp(ms):
    return iso(ms) if ms else None


def workflow(repo, wf, base):
    at = iso(repo.created_ms)
    return {
        "id": wf.id,
        "node_id": node_id("Workflow", wf.id),
        "name": wf.name,
        "path": f".github/workflows/{wf.file}",
        "state": wf.state,
        "created_at": at,
        "updated_at": at,
        "url": f"{base}/repos/{repo.full_name}/actions/workflows/{wf.id}",
        "html_url": f"{WEB}/{repo.full_name}/blob/{repo.default_branch}/.github/workflows/{wf.file}",
        "badge_url": f"{WEB}/{repo.full_name}/workflows/{wf.name}/badge.svg",
    }


def run(run_, base, attempt=None):
    attempt = attempt or run_.shown
    repo = run_.repo
    home = f"{base}/repos/{repo.full_name}"
    url = f"{home}/actions/runs/{run_.id}"
    previous = None if attempt.number == 1 else f"{url}/attempts/{attempt.number - 1}"
    return {
        "id": run_.id,
        "name": run_.workflow.name,
        "node_id": node_id("WorkflowRun", run_.id),
        "head_branch": run_.branch,
        "head_sha": run_.sha,
        "path": f".github/workflows/{run_.workflow.file}",
        "display_title": run_.title,
        "run_number": run_.number,
        "event": run_.event,
        "status": attempt.status,
        "conclusion": attempt.conclusion,
        "workflow_id": run_.workflow.id,
        "check_suite_id": run_.suite_id,
        "check_suite_node_id": node_id("CheckSuite", run_.suite_id),
        "url": url,
        "html_url": f"{WEB}/{repo.full_name}/actions/runs/{run_.id}",
        "pull_requests": [],
        "created_at": iso(run_.created_ms),
        "updated_at": iso(attempt.updated_ms),
        "actor": user(run_.actor, base),
        "run_attempt": attempt.number,
        "referenced_workflows": [],
        "run_started_at": iso(attempt.started_ms),
        "triggering_actor": user(attempt.actor, base),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{home}/check-suites/{run_.suite_id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": previous,
        "workflow_url": f"{home}/actions/workflows/{run_.workflow.id}",
        "head_commit": simple_commit(repo, run_.sha, run_.created_ms),
        "repository": minimal_repository(repo, base),
        "head_repository": minimal_repository(repo, base),
    }


def job(run_, job_, base):
    repo = run_.repo
    started = job_.started_ms or job_.created_ms
    return {
        "id": job_.id,
        "run_id": run_.id,
        "workflow_name": run_.workflow.name,
        "head_branch": run_.branch,
        "run_url": f"{base}/repos/{repo.full_name}/actions/runs/{run_.id}",
        "run_attempt": job_.run_attempt,
        "node_id": node_id("CheckRun", job_.id),
        "head_sha": run_.sha,
        "url": f"{base}/repos/{repo.full_name}/actions/jobs/{job_.id}",
        "html_url": f"{WEB}/{repo.full_name}/actions/runs/{run_.id}/job/{job_.id}",
        "status": job_.status,
        "conclusion": job_.conclusion,
        "created_at": iso(job_.created_ms),
        "started_at": iso(started),
        "completed_at": stamp(job_.completed_ms),
        "name": job_.name,
        "steps": [{"name": name, "status": status if status in ("queued", "in_progress",
                                                                "completed") else "queued",
                   "conclusion": conclusion, "number": number, "started_at": iso(started),
                   "completed_at": stamp(job_.completed_ms)}
                  for number, (name, status, conclusion) in enumerate(job_.steps(), 1)],
        "check_run_url": f"{base}/repos/{repo.full_name}/check-runs/{job_.id}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1, "runner_name": "runner", "runner_group_id": 1,
        "runner_group_name": "GitHub Actions",
    }


def check_run(repo, check, base):
    """`check`: id, name, sha, suite, status, conclusion, started_ms, completed_ms, app, title."""
    url = f"{base}/repos/{repo.full_name}/check-runs/{check['id']}"
    web = check.get("html_url") or f"{WEB}/{repo.full_name}/runs/{check['id']}"
    return {
        "id": check["id"], "node_id": node_id("CheckRun", check["id"]), "name": check["name"],
        "head_sha": check["sha"], "external_id": "", "url": url, "html_url": web,
        "details_url": web, "status": check["status"], "conclusion": check["conclusion"],
        "started_at": stamp(check.get("started_ms")),
        "completed_at": stamp(check.get("completed_ms")),
        "output": {"title": check.get("title"), "summary": None, "text": None,
                   "annotations_count": len(check.get("annotations", [])),
                   "annotations_url": f"{url}/annotations"},
        "check_suite": {"id": check["suite"]}, "app": integration(*check["app"], base),
        "pull_requests": [],
    }


def job_check(run_, job_):
    return {"id": job_.id, "name": job_.name, "sha": run_.sha, "suite": run_.suite_id,
            "status": job_.status, "conclusion": job_.conclusion, "started_ms": job_.started_ms,
            "completed_ms": job_.completed_ms, "app": ACTIONS_APP,
            "annotations": job_.spec.get("annotations", []) if job_.conclusion == "failure" else [],
            "html_url": f"{WEB}/{run_.repo.full_name}/actions/runs/{run_.id}/job/{job_.id}"}


def check_suite(repo, suite, base):
    """`suite`: id, sha, branch, status, conclusion, app, count, at_ms."""
    url = f"{base}/repos/{repo.full_name}/check-suites/{suite['id']}"
    commit = simple_commit(repo, suite["sha"])
    return {
        "id": suite["id"], "node_id": node_id("CheckSuite", suite["id"]),
        "head_branch": suite["branch"], "head_sha": suite["sha"], "status": suite["status"],
        "conclusion": suite["conclusion"], "url": url,
        "before": None, "after": suite["sha"], "pull_requests": [],
        "app": integration(*suite["app"], base), "created_at": iso(suite["at_ms"]),
        "updated_at": iso(suite["at_ms"]), "rerequestable": True, "runs_rerequestable": True,
        "latest_check_runs_count": suite["count"], "check_runs_url": f"{url}/check-runs",
        "head_commit": commit, "repository": minimal_repository(repo, base),
    }


def run_suite(run_):
    attempt = run_.latest
    return {"id": run_.suite_id, "sha": run_.sha, "branch": run_.branch, "status": attempt.status,
            "conclusion": attempt.conclusion, "app": ACTIONS_APP, "count": len(attempt.jobs),
            "at_ms": attempt.updated_ms}


def environment(repo, name, base):
    found = repo.environments[name]
    at = iso(repo.created_ms)
    return {"id": found["id"], "node_id": node_id("Environment", found["id"]), "name": name,
            "url": f"{base}/repos/{repo.full_name}/environments/{name}",
            "html_url": f"{WEB}/{repo.full_name}/deployments/activity_log?environments_filter={name}",
            "created_at": at, "updated_at": at}


def artifact(repo, artifact_id, spec, now_ms, base):
    run_ = spec["run"]
    url = f"{base}/repos/{repo.full_name}/actions/artifacts/{artifact_id}"
    at = iso(spec["created_ms"])
    return {
        "id": artifact_id, "node_id": node_id("Artifact", artifact_id), "name": spec["name"],
        "size_in_bytes": sum(len(t.encode()) for t in spec.get("files", {}).values()),
        "url": url, "archive_download_url": f"{url}/zip", "expired": is_expired(spec, now_ms),
        "created_at": at, "updated_at": at,
        "expires_at": iso(spec["created_ms"] + ARTIFACT_LIFE_MS),
        "workflow_run": {"id": run_.id, "repository_id": repo.id, "head_repository_id": repo.id,
                         "head_branch": run_.branch, "head_sha": run_.sha},
    }


def is_expired(spec, now_ms):
    return bool(spec.get("expired")) or now_ms > spec["created_ms"] + ARTIFACT_LIFE_MS
