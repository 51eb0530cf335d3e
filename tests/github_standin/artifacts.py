"""Artifacts of runs and the logs of jobs."""

import io
import zipfile

from github_standin.actions import attempt_of, job_of, run_of
from github_standin.blobs import link
from github_standin.errors import ApiError, not_found
from github_standin.http_types import Answer, Router, paginate
from github_standin.render_actions import artifact as shape
from github_standin.render_actions import is_expired

router = Router()
R = "/repos/{owner}/{repo}/actions"


@router.add("GET", R + "/artifacts")
def list_all(world, request, repo, **_):
    return _list(world, request, repo, lambda spec: True, "actions/artifacts")


@router.add("GET", R + "/runs/{run}/artifacts")
def list_of_run(world, request, repo, run, **_):
    found = run_of(repo, run)
    found.settle(world.clock.now_ms())
    return _list(world, request, repo, lambda spec: spec["run"] is found,
                 f"actions/runs/{run}/artifacts")


@router.add("GET", R + "/artifacts/{artifact}")
def get(world, request, repo, artifact, **_):
    number, spec = _artifact(repo, artifact)
    return Answer(200, shape(repo, number, spec, world.clock.now_ms(), request.base))


@router.add("DELETE", R + "/artifacts/{artifact}")
def delete(world, request, repo, artifact, **_):
    del repo.artifacts[_artifact(repo, artifact)[0]]
    return Answer(204)


@router.add("GET", R + "/artifacts/{artifact}/{format}")
def download(world, request, repo, artifact, format, **_):
    _, spec = _artifact(repo, artifact)
    if format != "zip":
        raise not_found()
    if is_expired(spec, world.clock.now_ms()):
        raise ApiError(410, "Artifact has expired")
    return link(world, request, _zip(spec.get("files", {})), "application/zip")


@router.add("GET", R + "/jobs/{job}/logs")
def job_logs(world, request, repo, job, **_):
    run, found = job_of(repo, job)
    run.settle(world.clock.now_ms())
    if found.status != "completed":
        raise not_found()
    _check_logs(run)
    return link(world, request, found.log().encode(), "text/plain; charset=utf-8")


@router.add("GET", R + "/runs/{run}/logs")
def run_logs(world, request, repo, run, **_):
    found = run_of(repo, run)
    return _attempt_logs(world, request, found, found.latest)


@router.add("GET", R + "/runs/{run}/attempts/{attempt}/logs")
def attempt_logs(world, request, repo, run, attempt, **_):
    found = run_of(repo, run)
    return _attempt_logs(world, request, found, attempt_of(found, attempt))


def _attempt_logs(world, request, run, attempt):
    run.settle(world.clock.now_ms())
    if attempt.status != "completed":
        raise not_found()
    _check_logs(run)
    texts = {f"{n}_{job.name}.txt": job.log() for n, job in enumerate(attempt.jobs)}
    return link(world, request, _zip(texts), "application/zip")


def _check_logs(run):
    if run.plan.get("logs_expired"):
        raise ApiError(410, "Server Error: the logs have expired")


def _list(world, request, repo, wanted, path):
    name = request.query.get("name")
    found = [(n, spec) for n, spec in sorted(repo.artifacts.items(), reverse=True)
             if wanted(spec) and name in (None, spec["name"])]
    page, headers = paginate(request, found, f"/repositories/{repo.id}/{path}")
    now = world.clock.now_ms()
    return Answer(200, {"total_count": len(found), "artifacts": [
        shape(repo, number, spec, now, request.base) for number, spec in page]}, headers)


def _artifact(repo, key):
    number = int(key) if key.isdigit() else 0
    if number not in repo.artifacts:
        raise not_found()
    return number, repo.artifacts[number]


def _zip(files):
    """The same bytes for the same files."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
    return raw.getvalue()
