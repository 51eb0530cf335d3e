"""Script documents: what `--script FILE` and POST /_admin/script put into the world.

{"config": {...}, "faults": [...], "apps": {client id: ...}, "hooks": [...],
 "delivery_faults": [...], "projects": {organization: {number: ...}},
 "repositories": {"owner/name": {"default_branch", "private", "empty", "renamed_from": [names],
   "refs": {ref: sha, null or {sha, files, message, parent, annotated}}, "files": {path: text},
   "environments", "checks", "statuses", "required_checks", "merge_methods", "labels",
   "topics",
   "pulls": [{head, base, title, mergeable_reads, conflict, ...}],
   "workflows": {file: {"name", "state", "dispatch": {"inputs": {name: {required, default,
                        options}}}, "plan", "plans", "on": [{event, ref (glob), types, after_ms,
                        after_reads}], "after_dispatch": [{after_ms, after_reads, create_ref,
                        "run": {workflow, ref, event, plan}, repository}]}},
   "runs": [{workflow, ref, event, plan}]}}}
A document is merged into what is there; unknown keys are refused, so that a typo is seen.
Explained where they act: plan runs.py, checks checks.py, environments deployments.py, apps
app_auth.py, hooks and delivery_faults webhooks.py, faults faults.py, config world.py.
"""

from github_standin.app_auth import add_app
from github_standin.checks import add_check, add_status
from github_standin.errors import ApiError
from github_standin.pulls import open_pull
from github_standin.webhooks import DeliveryFault
from github_standin.world import DEFAULTS, Repository, Workflow

KEYS = {
    "document": {"config", "faults", "repositories", "apps", "hooks", "delivery_faults",
                 "projects"},
    "repository": {"default_branch", "private", "refs", "files", "workflows", "runs", "empty",
                   "renamed_from", "environments", "checks", "statuses", "required_checks",
                   "merge_methods", "labels", "pulls", "topics"},
    "workflow": {"name", "state", "dispatch", "plan", "plans", "after_dispatch", "on"},
    "plan": {"reads", "ms", "jobs", "conclusions", "hidden_reads", "title", "statuses",
             "needs_approval", "gate_reads", "gate_ms", "cancel_reads", "artifacts",
             "logs_expired", "stale_reads"},
    "job": {"name", "conclusions", "needs", "reads", "ms", "environment", "steps", "logs",
            "annotations"},
    "step": {"after_ms", "after_reads", "create_ref", "run", "repository"},
    "on": {"event", "ref", "types", "after_ms", "after_reads"},
    "run": {"workflow", "ref", "event", "plan", "actor", "inputs"},
    "artifact": {"name", "files", "expired", "attempts"},
    "environment": {"reviewers", "wait_timer", "custom"},
    "ref": {"sha", "files", "message", "parent", "annotated"},
    "check": {"ref", "name", "conclusions", "app", "reads", "ms", "appear_reads", "appear_ms",
              "title", "status"},
    "status": {"ref", "context", "states", "reads", "appear_reads", "appear_ms", "description"},
    "pull": {"head", "base", "title", "body", "draft", "labels", "state", "mergeable_reads",
             "conflict", "maintainer_can_modify"},
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
    for artifact in plan.get("artifacts", []):
        check("artifact", artifact, where + ".artifacts")


def apply_script(app, document):
    check("document", document, "script")
    world = app.world
    config = document.get("config", {})
    unknown = sorted(set(config) - set(DEFAULTS))
    if unknown:
        raise ApiError(422, f"config: unknown {', '.join(unknown)}")
    world.config.update(config)
    for full_name, spec in document.get("repositories", {}).items():
        _apply_repository(world, full_name, spec)
    for login, projects in document.get("projects", {}).items():
        world.projects.setdefault(login, {}).update(projects)
    for fault in document.get("faults", []):
        app.faults.add(fault)
    for client_id, spec in document.get("apps", {}).items():
        _apply_app(app, client_id, spec)
    for spec in document.get("hooks", []):
        app.hooks.add(spec)
    app.hooks.faults += [DeliveryFault(f) for f in document.get("delivery_faults", [])]
    world.settle()


def _apply_app(app, client_id, spec):
    made = add_app(app.world, client_id, spec)
    if "hook" in spec:
        made.hook_id = app.hooks.add(dict(spec["hook"], app=made.id)).id


def _apply_repository(world, full_name, spec):
    check("repository", spec, full_name)
    repo, now = world.repository(full_name), world.clock.now_ms()
    if repo is None:
        repo = Repository(world.next_id(), full_name, now)
        world.repositories[full_name] = repo
    for key in ("default_branch", "private", "required_checks", "merge_methods", "topics"):
        setattr(repo, key, spec.get(key, getattr(repo, key)))
    repo.old_names += spec.get("renamed_from", [])
    repo.labels.update(spec.get("labels", {}))
    for name, wanted in spec.get("environments", {}).items():
        _environment(world, repo, name, wanted)
    _apply_refs(repo, spec, now)
    for file, wanted in spec.get("workflows", {}).items():
        _apply_workflow(world, repo, file, wanted)
    for kind, add in (("check", add_check), ("status", add_status)):
        for wanted in spec.get("checks" if kind == "check" else "statuses", []):
            check(kind, wanted, f"{full_name}.{kind}")
            add(world, repo, wanted)
    for wanted in spec.get("runs", []):
        start_scripted_run(world, repo, wanted)
    for wanted in spec.get("pulls", []):
        check("pull", wanted, full_name + ".pulls")
        open_pull(world, repo, wanted, "octocat")


def _apply_refs(repo, spec, now):
    head = f"refs/heads/{repo.default_branch}"
    wanted = dict(spec.get("refs", {}))
    if not spec.get("empty") and head not in repo.refs:
        first = wanted.pop(head, None)
        first = first if isinstance(first, dict) else {"sha": first}
        repo.seed_ref(head, dict({"files": spec.get("files", {})}, **first), now)
    for ref, value in wanted.items():
        if isinstance(value, dict):
            check("ref", value, f"{repo.full_name}.refs.{ref}")
        repo.seed_ref(ref, value, now)


def _environment(world, repo, name, spec):
    check("environment", spec, f"{repo.full_name}.environments.{name}")
    known = repo.environments.setdefault(name, {"id": world.next_id()})
    known.update(spec)


def _name_environments(world, repo, plan):
    """An environment that only a job names is one that everybody may approve."""
    for job in plan.get("jobs", []):
        if job.get("environment") and job["environment"] not in repo.environments:
            _environment(world, repo, job["environment"], {})


def _apply_workflow(world, repo, file, spec):
    where = f"{repo.full_name}/{file}"
    check("workflow", spec, where)
    for plan in [spec.get("plan", {})] + [e.get("plan", {}) for e in spec.get("plans", [])]:
        check_plan(plan, where + ".plan")
        _name_environments(world, repo, plan)
    for rule in spec.get("on", []):
        check("on", rule, where + ".on")
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
        _name_environments(world, repo, plan)
    return world.start_run(repo, workflow, spec.get("ref", repo.default_branch),
                           spec.get("event", "push"), spec.get("actor", "octocat"),
                           spec.get("inputs"), plan)
