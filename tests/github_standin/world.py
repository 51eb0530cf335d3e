"""What there is: repositories with their refs, workflows, runs, pull requests and releases.

Threads: callers hold `World.lock`; nothing here locks.
"""

import hashlib
import threading
from fnmatch import fnmatchcase

from github_standin.clock import Clock
from github_standin.git import Git
from github_standin.runs import Run, fill

DEFAULTS = {
    "api": "github",  # or "ghes-3.19": knows neither return_run_details nor version 2026-03-10
    "auth": "public",  # or "required": no anonymous reads either
    # token -> {login, limit, permission: write|read|none, permissions: {name: level}, repositories};
    # empty: any token
    "tokens": {},
    "limit": 5000,
    "anonymous_limit": 60,
    "search_limit": 30,  # a minute
    "graphql_limit": 5000,  # points an hour
    "limit_status": 403,  # or 429: how a spent quota is answered
    "points_per_minute": 900,
    "creations_per_minute": 80,
    "creations_per_hour": 500,
    "concurrent": 100,
    "rerun_cap": 50,
    "total_count_cap": 2500,
    "jwt_leeway_s": 0,
    "hook_timeout_ms": 10000,
    "blob_host": "localhost",  # where artifacts and logs are fetched: not the host of the API
    "ref_lag_reads": 0,  # reads that do not show a ref just made through the interface
    "blob_ms": 60000,  # how long such a link holds
}
NO_SHA = "0" * 40


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
        self.on = spec.get("on", [])  # [{event, ref (glob), types, after_ms, after_reads}]

    def plan_for(self, ref, inputs):
        for entry in self.plans:
            wanted = entry.get("inputs", {})
            if entry.get("ref") in (None, ref) and all(inputs.get(k) == v
                                                       for k, v in wanted.items()):
                return entry.get("plan", {})
        return self.plan


class Repository:
    def __init__(self, repo_id, full_name, created_ms=0):
        self.id = repo_id
        self.full_name = full_name
        self.owner, self.name = full_name.split("/", 1)
        self.created_ms = created_ms
        self.old_names = []
        self.default_branch = "main"
        self.private = False
        self.merge_methods = ["merge", "squash", "rebase"]
        self.required_checks = []
        self.environments = {}  # name -> {id, reviewers, wait_timer, custom}
        self.git = Git()
        self.refs = {}
        self.workflows = {}
        self.runs = {}
        self.artifacts = {}
        self.checks = []
        self.statuses = []
        self.pulls = {}
        self.issues = {}
        self.labels = {}
        self.topics = []
        self.ref_lag = {}  # name -> reads that do not show it yet
        self.releases = {}
        self._last_number = 0

    def next_number(self):
        """Issues and pull requests count together."""
        self._last_number += 1
        return self._last_number

    def workflow(self, key):
        """By file name or by number in text, as the paths allow both."""
        if key in self.workflows:
            return self.workflows[key]
        return next((w for w in self.workflows.values() if str(w.id) == key), None)

    def resolve(self, ref):
        """(short name, commit) of a branch, tag or full ref; None if there is none such."""
        for prefix in ("refs/heads/", "refs/tags/", "refs/", ""):
            full = prefix + ref
            if full in self.refs:
                return full.split("/", 2)[2], self.git.peel(self.refs[full])
        if self.git.kind(ref) == "commit":
            return ref, ref
        return None

    def seed_ref(self, ref, spec, now_ms):
        """A ref as a script wants it: a sha, or {sha, files, message, parent, annotated}, or None.

        Its commit follows the default branch's, unless there is one of that sha already.
        """
        spec = spec if isinstance(spec, dict) else {"sha": spec}
        sha = spec.get("sha") or sha_of(self.full_name + ref)
        if self.git.kind(sha) is None:
            found = self.resolve(spec.get("parent", f"refs/heads/{self.default_branch}"))
            parents = [found[1]] if found and found[1] != sha else []
            tree = self.git.text_files(spec.get("files", {}),
                                       self.git.files(parents[0]) if parents else {})
            self.git.commit(tree, parents, spec.get("message", f"head of {ref}"), now_ms, sha=sha)
        if "annotated" in spec:
            sha = self.git.tag(ref.rpartition("/")[2], sha, spec["annotated"], now_ms)
        self.refs[ref] = sha


class World:
    def __init__(self, clock=None):
        self.lock = threading.RLock()
        self.clock = clock or Clock()
        self.config = dict(DEFAULTS)
        self.base = "http://localhost"  # of URLs in webhooks; serve() sets it
        self.repositories = {}
        self.apps = {}  # client id -> app_auth.GithubApp
        self.installation_tokens = {}
        self.projects = {}  # organization -> number -> project (graphql_projects.py)
        self.blobs = {}  # short-lived downloads (blobs.py)
        self.pending = []  # [{due_ms, reads_left, repo, act}]: consequences of a dispatch
        self.listener = None  # webhooks: called with (event, action, repo, subject)
        self._last_id = 1000

    def next_id(self):
        self._last_id += 1
        return self._last_id

    def repository(self, full_name):
        return next((r for name, r in self.repositories.items()
                     if name.lower() == full_name.lower()), None)

    def renamed(self, full_name):
        """The repository that once had this name."""
        return next((r for r in self.repositories.values() if full_name in r.old_names), None)

    def emit(self, event, action, repo, **subject):
        if self.listener:
            self.listener(event, action, repo, subject)

    def set_ref(self, repo, name, sha, actor):
        """Makes, moves or (sha None) deletes a ref, with the events and runs that follow."""
        before = repo.refs.get(name)
        if sha is None:
            del repo.refs[name]
        else:
            repo.refs[name] = sha
        change = {"ref": name, "before": before or NO_SHA, "after": sha or NO_SHA, "actor": actor}
        if before is None:
            self.emit("create", None, repo, **change)
        elif sha is None:
            self.emit("delete", None, repo, **change)
        self.emit("push", None, repo, **change)
        if sha is not None:
            self.trigger(repo, "push", name, actor)

    def trigger(self, repo, event, ref, actor, kind=None, inputs=None):
        """Starts what workflows have in `on` for this event."""
        for workflow in repo.workflows.values():
            for rule in workflow.on:
                if (rule.get("event") == event and fnmatchcase(ref, rule.get("ref", "*"))
                        and kind in rule.get("types", [kind])):
                    self._later(repo, rule, inputs or {}, {
                        "workflow": workflow.file, "ref": ref, "event": event, "actor": actor})

    def start_run(self, repo, workflow, ref, event, actor, inputs=None, plan=None):
        """Starts a run of `workflow` at `ref` (a name or a sha; unknown names get a sha)."""
        inputs = inputs or {}
        branch, sha = repo.resolve(ref) or (ref, sha_of(repo.full_name + ref))
        plan = workflow.plan_for(branch, inputs) if plan is None else plan
        number = 1 + sum(1 for r in repo.runs.values() if r.workflow is workflow)
        run = Run(self.next_id(), repo, workflow, number, (branch, sha, event, actor), plan,
                  self.clock.now_ms(), self.next_id, inputs, self.emit)
        repo.runs[run.id] = run
        run.open()
        return run

    def dispatch(self, repo, workflow, ref, inputs, actor):
        run = self.start_run(repo, workflow, ref, "workflow_dispatch", actor, inputs)
        self.emit("workflow_dispatch", None, repo, workflow=workflow, ref=ref, inputs=inputs,
                  actor=actor)
        for step in workflow.after_dispatch:
            self._later(repo, step, inputs, step.get("run"), step.get("create_ref"))
        self.settle()
        return run

    def _later(self, repo, step, inputs, run, ref=None):
        self.pending.append({
            "due_ms": self.clock.now_ms() + step.get("after_ms", 0),
            "reads_left": step.get("after_reads", 0), "repo": repo, "inputs": dict(inputs),
            "target": step.get("repository"), "run": run, "ref": ref,
        })

    def settle(self, read_repo=None):
        """Lets happen what is due. `read_repo` was just read, which some consequences count."""
        now = self.clock.now_ms()
        for item in list(self.pending):
            if item["repo"] is read_repo and item["reads_left"] > 0:
                item["reads_left"] -= 1
            if item["due_ms"] <= now and item["reads_left"] <= 0:
                self.pending.remove(item)
                self._happen(item)

    def tick(self):
        """What the clock alone brings about, whoever asks or not."""
        self.settle()
        now = self.clock.now_ms()
        for repo in self.repositories.values():
            for run in list(repo.runs.values()):
                run.settle(now)

    def _happen(self, item):
        inputs = item["inputs"]
        repo = self.repository(item["target"]) if item["target"] else item["repo"]
        if item["ref"]:
            ref = fill(item["ref"], inputs)
            if ref not in repo.refs:
                repo.seed_ref(ref, None, self.clock.now_ms())
                self.set_ref(repo, ref, repo.refs.pop(ref), "release-bot")
        if item["run"]:
            wanted = item["run"]
            self.start_run(repo, repo.workflows[wanted["workflow"]], fill(wanted["ref"], inputs),
                           wanted.get("event", "push"), wanted.get("actor", "release-bot"),
                           inputs, wanted.get("plan"))
