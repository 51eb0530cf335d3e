"""What there is: repositories with their refs, workflows, runs, pull requests and releases.

Threads: callers hold `World.lock`; nothing here locks.
"""

import hashlib
import threading

from github_standin.clock import Clock
from github_standin.runs import Run

DEFAULTS = {
    "api": "github",  # or "ghes-3.19": knows neither return_run_details nor version 2026-03-10
    "auth": "public",  # or "required": no anonymous reads either
    "tokens": {},  # token -> {login, limit, permission: write|read, repositories}; empty: any token
    "limit": 5000,
    "anonymous_limit": 60,
    "points_per_minute": 900,
    "creations_per_minute": 80,
    "concurrent": 100,
    "rerun_cap": 50,
}


def sha_of(text):
    return hashlib.sha1(text.encode()).hexdigest()


class Workflow:
    """One file of .github/workflows: whether and how it can be dispatched, and how its runs go."""

    def __init__(self, workflow_id, file, spec):
        self.id = workflow_id
        self.file = file
        self.update(spec)

    def update(self, spec):
        self.name = spec.get("name", self.file.rsplit(".", 1)[0])
        self.state = spec.get("state", "active")
        self.dispatch = spec.get("dispatch")  # None: no workflow_dispatch; {"inputs": {...}}
        self.plan = spec.get("plan", {})
        self.plans = list(spec.get("plans", []))  # first match on {ref, inputs} wins over plan
        self.after_dispatch = spec.get("after_dispatch", [])

    def plan_for(self, ref, inputs):
        for entry in self.plans:
            wanted = entry.get("inputs", {})
            if entry.get("ref") in (None, ref) and all(inputs.get(k) == v
                                                       for k, v in wanted.items()):
                return entry.get("plan", {})
        return self.plan


class Repository:
    def __init__(self, repo_id, full_name):
        self.id = repo_id
        self.full_name = full_name
        self.owner, self.name = full_name.split("/", 1)
        self.default_branch = "main"
        self.private = False
        self.refs = {}
        self.workflows = {}
        self.runs = {}
        self.pulls = {}
        self.releases = {}

    def workflow(self, key):
        """By file name or by number in text, as the paths allow both."""
        if key in self.workflows:
            return self.workflows[key]
        return next((w for w in self.workflows.values() if str(w.id) == key), None)

    def resolve(self, ref):
        """(short name, sha) of a branch, tag or full ref; None if there is none such."""
        for prefix in ("refs/heads/", "refs/tags/", ""):
            full = prefix + ref
            if full in self.refs:
                return full.split("/", 2)[2], self.refs[full]
        if ref in self.refs.values():
            return ref, ref
        return None


class World:
    def __init__(self, clock=None):
        self.lock = threading.RLock()
        self.clock = clock or Clock()
        self.config = dict(DEFAULTS)
        self.repositories = {}
        self.pending = []  # [{due_ms, reads_left, repo, act}]: consequences of a dispatch
        self._last_id = 1000

    def next_id(self):
        self._last_id += 1
        return self._last_id

    def repository(self, full_name):
        return next((r for name, r in self.repositories.items()
                     if name.lower() == full_name.lower()), None)

    def start_run(self, repo, workflow, ref, event, actor, inputs=None, plan=None):
        """Starts a run of `workflow` at `ref` (a name or a sha; unknown names get a sha)."""
        inputs = inputs or {}
        branch, sha = repo.resolve(ref) or (ref, sha_of(repo.full_name + ref))
        plan = workflow.plan_for(ref, inputs) if plan is None else plan
        number = 1 + sum(1 for r in repo.runs.values() if r.workflow is workflow)
        run = Run(self.next_id(), repo, workflow, number, (branch, sha, event, actor), plan,
                  self.clock.now_ms(), self.next_id)
        run.inputs = dict(inputs)
        run.title = fill(run.title, inputs)
        repo.runs[run.id] = run
        return run

    def dispatch(self, repo, workflow, ref, inputs, actor):
        run = self.start_run(repo, workflow, ref, "workflow_dispatch", actor, inputs)
        for step in workflow.after_dispatch:
            self.pending.append({
                "due_ms": self.clock.now_ms() + step.get("after_ms", 0),
                "reads_left": step.get("after_reads", 0),
                "repo": repo,
                "step": step,
                "inputs": dict(inputs),
            })
        self.settle()
        return run

    def settle(self, read_repo=None):
        """Lets happen what is due. `read_repo` was just read, which some consequences count."""
        now = self.clock.now_ms()
        for item in list(self.pending):
            if item["repo"] is read_repo and item["reads_left"] > 0:
                item["reads_left"] -= 1
            if item["due_ms"] <= now and item["reads_left"] <= 0:
                self.pending.remove(item)
                self._happen(item)

    def _happen(self, item):
        step, inputs = item["step"], item["inputs"]
        repo = self.repository(step["repository"]) if "repository" in step else item["repo"]
        if "create_ref" in step:
            ref = fill(step["create_ref"], inputs)
            repo.refs.setdefault(ref, sha_of(repo.full_name + ref))
        if "run" in step:
            wanted = step["run"]
            self.start_run(repo, repo.workflows[wanted["workflow"]], fill(wanted["ref"], inputs),
                           wanted.get("event", "push"), wanted.get("actor", "release-bot"),
                           inputs, wanted.get("plan"))


def fill(template, inputs):
    """`v{releaseVersion}` with the inputs put in; other braces stay."""
    for key, value in inputs.items():
        template = template.replace("{" + key + "}", str(value))
    return template
