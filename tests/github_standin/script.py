"""Script documents: what `--script FILE` and POST /_admin/script put into the world.

{"config": {...}, "faults": [...],
 "repositories": {"owner/name": {"default_branch", "private", "refs": {ref: sha or null},
   "workflows": {file: {"name", "dispatch": {"inputs": {name: {required, default, options}}},
                        "plan", "plans", "after_dispatch": [{after_ms, after_reads, create_ref,
                        "run": {workflow, ref, event, plan}, repository}]}},
   "runs": [{workflow, ref, event, plan}]}}}
A document is merged into what is there; unknown keys are refused, so that a typo is seen.
"""

from github_standin.errors import ApiError
from github_standin.world import DEFAULTS, Repository, Workflow, sha_of

KEYS = {
    "document": {"config", "faults", "repositories"},
    "repository": {"default_branch", "private", "refs", "workflows", "runs"},
    "workflow": {"name", "state", "dispatch", "plan", "plans", "after_dispatch"},
    "plan": {"reads", "ms", "jobs", "conclusions", "hidden_reads", "title"},
    "job": {"name", "conclusions", "needs"},
    "step": {"after_ms", "after_reads", "create_ref", "run", "repository"},
    "run": {"workflow", "ref", "event", "plan", "actor", "inputs"},
}


def check(kind, value, where):
    if not isinstance(value, dict):
        raise ApiError(422, f"{where}: an object is wanted")
    unknown = sorted(set(value) - KEYS[kind])
    if unknown:
        raise ApiError(422, f"{where}: unknown {', '.join(unknown)}; known: "
                            f"{', '.join(sorted(KEYS[kind]))}")


def check_plan(plan, where):
    check("plan", plan, where)
    jobs = plan.get("jobs", [])
    names = {job.get("name") for job in jobs}
    for job in jobs:
        check("job", job, where + ".jobs")
        if set(job.get("needs", [])) - names:
            raise ApiError(422, f"{where}.jobs: {job.get('name')} needs a job that is not there")


def apply_script(world, faults, document):
    check("document", document, "script")
    config = document.get("config", {})
    unknown = sorted(set(config) - set(DEFAULTS))
    if unknown:
        raise ApiError(422, f"config: unknown {', '.join(unknown)}")
    world.config.update(config)
    for full_name, spec in document.get("repositories", {}).items():
        _apply_repository(world, full_name, spec)
    for fault in document.get("faults", []):
        faults.add(fault)
    world.settle()


def _apply_repository(world, full_name, spec):
    check("repository", spec, full_name)
    repo = world.repository(full_name)
    if repo is None:
        repo = Repository(world.next_id(), full_name)
        world.repositories[full_name] = repo
    repo.default_branch = spec.get("default_branch", repo.default_branch)
    repo.private = spec.get("private", repo.private)
    head = f"refs/heads/{repo.default_branch}"
    repo.refs.setdefault(head, sha_of(full_name + head))
    for ref, sha in spec.get("refs", {}).items():
        repo.refs[ref] = sha or sha_of(full_name + ref)
    for file, wanted in spec.get("workflows", {}).items():
        _apply_workflow(world, repo, file, wanted)
    for wanted in spec.get("runs", []):
        start_scripted_run(world, repo, wanted)


def _apply_workflow(world, repo, file, spec):
    where = f"{repo.full_name}/{file}"
    check("workflow", spec, where)
    check_plan(spec.get("plan", {}), where + ".plan")
    for entry in spec.get("plans", []):
        check_plan(entry.get("plan", {}), where + ".plans")
    for step in spec.get("after_dispatch", []):
        check("step", step, where + ".after_dispatch")
        if "run" in step:
            check("run", step["run"], where + ".after_dispatch.run")
    if file in repo.workflows:
        repo.workflows[file].update(spec)
    else:
        repo.workflows[file] = Workflow(world.next_id(), file, spec)


def start_scripted_run(world, repo, spec):
    where = f"{repo.full_name}: run"
    check("run", spec, where)
    workflow = repo.workflow(str(spec.get("workflow")))
    if workflow is None:
        raise ApiError(422, f"{where}: no workflow {spec.get('workflow')}")
    plan = spec.get("plan")
    if plan is not None:
        check_plan(plan, where)
    return world.start_run(repo, workflow, spec.get("ref", repo.default_branch),
                           spec.get("event", "push"), spec.get("actor", "octocat"),
                           spec.get("inputs"), plan)
