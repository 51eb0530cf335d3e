"""GitHub's JSON shapes. Pure: a run, job, ref … and the base URL in, a dict out."""

import base64

from github_standin.clock import iso


def node_id(kind, number):
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def user(login):
    return {"login": login, "id": sum(login.encode()), "type": "User"}


def repository(repo, base):
    return {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(repo.owner),
        "html_url": f"https://github.com/{repo.full_name}",
        "url": f"{base}/repos/{repo.full_name}",
        "default_branch": repo.default_branch,
    }


def workflow(repo, wf, base):
    return {
        "id": wf.id,
        "node_id": node_id("Workflow", wf.id),
        "name": wf.name,
        "path": f".github/workflows/{wf.file}",
        "state": wf.state,
        "url": f"{base}/repos/{repo.full_name}/actions/workflows/{wf.id}",
        "html_url": f"https://github.com/{repo.full_name}/actions/workflows/{wf.file}",
    }


def run(run_, base, attempt=None):
    attempt = attempt or run_.latest
    repo = run_.repo
    url = f"{base}/repos/{repo.full_name}/actions/runs/{run_.id}"
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
        "check_suite_id": run_.id + 500000,
        "url": url,
        "html_url": f"https://github.com/{repo.full_name}/actions/runs/{run_.id}",
        "pull_requests": [],
        "created_at": iso(run_.created_ms),
        "updated_at": iso(attempt.updated_ms),
        "actor": user(run_.actor),
        "run_attempt": attempt.number,
        "run_started_at": iso(attempt.started_ms),
        "triggering_actor": user(attempt.actor),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": previous,
        "workflow_url": f"{base}/repos/{repo.full_name}/actions/workflows/{run_.workflow.id}",
        "repository": repository(repo, base),
    }


def job(run_, job_, base):
    repo = run_.repo
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
        "html_url": f"https://github.com/{repo.full_name}/actions/runs/{run_.id}/job/{job_.id}",
        "status": job_.status,
        "conclusion": job_.conclusion,
        "created_at": iso(run_.created_ms),
        "started_at": iso(job_.started_ms) if job_.started_ms else None,
        "completed_at": iso(job_.completed_ms) if job_.completed_ms else None,
        "name": job_.name,
        "steps": [],
        "check_run_url": f"{base}/repos/{repo.full_name}/check-runs/{job_.id}",
        "labels": ["ubuntu-latest"],
    }


def ref(repo, name, base):
    sha = repo.refs[name]
    return {
        "ref": name,
        "node_id": node_id("Ref", name),
        "url": f"{base}/repos/{repo.full_name}/git/{name}",
        "object": {"sha": sha, "type": "commit",
                   "url": f"{base}/repos/{repo.full_name}/git/commits/{sha}"},
    }
