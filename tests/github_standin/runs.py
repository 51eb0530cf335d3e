"""The life of a workflow run: attempts, gates, re-runs.

A plan says how a run goes; every value may be a list with one entry an attempt (the last repeats):
  reads        the run is completed at its k-th read (0: at once; "never": it goes on for ever)
  ms           and not before this many milliseconds of the stand-in's clock
  jobs         [{name, conclusions, needs, reads, ms, environment, steps, logs, annotations}]:
               conclusions is indexed by the run's attempt
  conclusions  overrides what the jobs say (startup_failure, stale, any text, ...)
  statuses     what the first, second, ... read of an attempt shows (any text; the last repeats)
  hidden_reads list requests that do not show the run yet
  title        display_title, with {input} replaced by the inputs of the dispatch
  needs_approval  a fork's run: completed/action_required until POST approve
  gate_reads, gate_ms  how long it goes on after its last environment was approved
  cancel_reads reads from `cancel` to its effect ("never": only force-cancel ends it)
  stale_reads  after a re-run, the reads that still show the attempt before
  artifacts    [{name, files, expired}], there when an attempt is completed
A read is a request that shows the run. Jobs keep their own run_attempt when others are run again.
"""

from github_standin.clock import iso
from github_standin.errors import ApiError
from github_standin.jobs import Attempt, Job, pick

RED = ("failure", "timed_out", "startup_failure", "cancelled")
NEVER = "never"
MONTH_MS = 30 * 24 * 3600 * 1000


def fill(template, inputs):
    """`v{releaseVersion}` with the inputs put in; other braces stay."""
    for key, value in inputs.items():
        template = template.replace("{" + key + "}", str(value))
    return template


class Run:
    """open() starts it, once it stands in its repository."""

    def __init__(self, run_id, repo, workflow, number, head, plan, now_ms, next_id, inputs, emit):
        self.id = run_id
        self.repo = repo
        self.workflow = workflow
        self.number = number
        self.branch, self.sha, self.event, self.actor = head
        self.plan = plan
        self.inputs = dict(inputs)
        self.title = fill(plan.get("title") or workflow.name, self.inputs)
        self.created_ms = now_ms
        self.hidden_reads = plan.get("hidden_reads", 0)
        self.stale_left = 0
        self.approvals = []  # [{environments, state, user, comment, at_ms}]
        self.attempts = []
        self._next_id = next_id
        self._emit = emit

    def open(self):
        specs = self.plan.get("jobs") or [{"name": "build"}]
        if self._is_startup_failure(1):
            specs = []
        jobs = [Job(self._next_id(), spec, 1, self.created_ms) for spec in specs]
        self._open(jobs, self.created_ms, self.actor)
        if self.plan.get("needs_approval"):
            self.latest.status, self.latest.conclusion = "completed", "action_required"

    @property
    def latest(self):
        return self.attempts[-1]

    @property
    def shown(self):
        """The attempt that a reader sees: after a re-run it may be the one before for a while."""
        return self.attempts[-2] if self.stale_left > 0 else self.latest

    @property
    def suite_id(self):
        return self.id + 500000

    def attempt(self, number):
        if not 1 <= number <= len(self.attempts):
            return None
        return self.attempts[number - 1]

    def observe(self, now_ms):
        """One read of the run: moves it on, then the caller renders what is there."""
        if self.stale_left > 0:
            self.stale_left -= 1
            if self.stale_left > 0:
                return
        attempt = self.latest
        attempt.reads += 1
        if attempt.cancel_at_read is not None and attempt.reads >= attempt.cancel_at_read:
            self._cancel_now(now_ms)
        self.settle(now_ms)
        if attempt.status in ("completed", "waiting"):
            return
        statuses = self.plan.get("statuses")
        if statuses:
            self._set_status(statuses[min(attempt.reads, len(statuses)) - 1], now_ms)
        elif attempt.status == "queued" and attempt.reads > 1:
            self._set_status("in_progress", now_ms)

    def settle(self, now_ms):
        """Completes what its plan says that is over; reads nothing."""
        attempt = self.latest
        if attempt.status == "completed":
            return
        if attempt.status == "waiting":
            if now_ms - attempt.waiting_since_ms > MONTH_MS:
                self._finish(attempt.open_jobs(), now_ms, "failure")
                self._end("failure", now_ms)
            return
        ms = pick(self.plan.get("ms"), attempt.number, 0)
        if (attempt.status == "queued" and ms and now_ms > attempt.started_ms
                and not self.plan.get("statuses")):
            self._set_status("in_progress", now_ms)
        self._settle_jobs(attempt, now_ms)
        reads = pick(self.plan.get("reads"), attempt.number, 0)
        if attempt.released:
            reads, ms = self.plan.get("gate_reads", 0), self.plan.get("gate_ms", 0)
        if self._over(attempt, reads, ms, now_ms):
            self._complete(now_ms)

    def rerun(self, jobs, now_ms, actor, cap):
        """Opens the next attempt with these jobs and all that need them."""
        if self.latest.status != "completed":
            raise ApiError(403, "This workflow is already running")
        if now_ms - self.created_ms > MONTH_MS:
            raise ApiError(
                403, "Unable to retry this workflow run because it was created over a month ago")
        if len(self.attempts) - 1 >= cap:
            raise ApiError(403, f"This workflow run has reached the limit of {cap} re-runs")
        names = self._with_dependents({job.name for job in jobs})
        number = self.latest.number + 1
        merged = [
            Job(self._next_id(), job.spec, number, now_ms) if job.name in names else job
            for job in self.latest.jobs
        ]
        self._open(merged, now_ms, actor)
        self.stale_left = 1 + self.plan["stale_reads"] if self.plan.get("stale_reads") else 0

    def failed_jobs(self):
        return [job for job in self.latest.jobs if job.conclusion in RED]

    def approve_fork(self, now_ms):
        """POST approve: the run that waited for a maintainer starts."""
        attempt = self.latest
        if attempt.conclusion != "action_required":
            raise ApiError(403, "This run is not from a fork pull request")
        attempt.status, attempt.conclusion, attempt.updated_ms = "queued", None, now_ms
        self._emit("workflow_run", "requested", self.repo, run=self)
        self.settle(now_ms)

    def decide(self, environments, state, user, comment, now_ms):
        """Opens or shuts gates; the caller has checked that these environments wait."""
        attempt = self.latest
        self.approvals.append({"environments": list(environments), "state": state, "user": user,
                               "comment": comment, "at_ms": now_ms})
        chosen = attempt.approved if state == "approved" else attempt.rejected
        chosen.update(environments)
        self._emit("deployment_review", state, self.repo, run=self, user=user, comment=comment)
        gated = attempt.gate()
        if gated:
            return
        attempt.released = (attempt.reads, now_ms)
        self._set_status("in_progress", now_ms)
        self.settle(now_ms)

    def cancel(self, now_ms, forced=False):
        if self.latest.status == "completed":
            raise ApiError(409, "Cannot cancel a workflow run that is completed.")
        reads = self.plan.get("cancel_reads", 0)
        if forced or reads == 0:
            self._cancel_now(now_ms)
        elif reads != NEVER and self.latest.cancel_at_read is None:
            self.latest.cancel_at_read = self.latest.reads + reads

    def force(self, conclusion, now_ms):
        """Ends the latest attempt with this conclusion, whatever the plan says (admin)."""
        self._finish(self.latest.own_jobs(), now_ms, conclusion)
        self._end(conclusion, now_ms)

    def _cancel_now(self, now_ms):
        if self.latest.status != "completed":
            self._finish(self.latest.open_jobs(), now_ms, "cancelled")
            self._end("cancelled", now_ms)

    def _is_startup_failure(self, number):
        return pick(self.plan.get("conclusions"), number, None) == "startup_failure"

    def _open(self, jobs, now_ms, actor):
        attempt = Attempt(len(self.attempts) + 1, jobs, now_ms, actor)
        self.attempts.append(attempt)
        if not self._is_startup_failure(attempt.number):
            self._emit("workflow_run", "requested", self.repo, run=self)
            for job in attempt.own_jobs():
                self._emit("workflow_job", "queued", self.repo, run=self, job=job)
                self._emit("check_run", "created", self.repo, run=self, job=job)
        if not self.plan.get("needs_approval") or attempt.number > 1:
            self.settle(now_ms)

    def _over(self, attempt, reads, ms, now_ms):
        seen, since = attempt.released or (0, attempt.started_ms)
        return (NEVER not in (reads, ms) and attempt.reads - seen >= reads
                and now_ms >= since + ms)

    def _set_status(self, status, now_ms):
        attempt = self.latest
        if attempt.status != status:
            attempt.status, attempt.updated_ms = status, now_ms
        if status == "in_progress":
            self._announce(now_ms)
        for job in attempt.open_jobs():
            if job.environment not in attempt.rejected:
                self._move_job(job, status, now_ms)

    def _announce(self, now_ms):
        attempt = self.latest
        if not attempt.announced:
            attempt.announced = True
            self._emit("workflow_run", "in_progress", self.repo, run=self)

    def _move_job(self, job, status, now_ms):
        if status == "in_progress":
            done = self.latest.conclusions()
            if any(done.get(n) is None for n in job.needs):
                return  # it starts when what it needs is done
            job.started_ms = job.started_ms or now_ms
        if job.status != status:
            job.status = status
            if status in ("in_progress", "waiting"):
                self._emit("workflow_job", status, self.repo, run=self, job=job)

    def _settle_jobs(self, attempt, now_ms):
        """Jobs with an end of their own may be over before the run is."""
        for job in attempt.open_jobs():
            if job.environment or not {"reads", "ms"} & set(job.spec):
                continue
            done = attempt.conclusions()
            reads = pick(job.spec.get("reads"), attempt.number, 0)
            ms = pick(job.spec.get("ms"), attempt.number, 0)
            if (all(done.get(n) is not None for n in job.needs)
                    and self._over(attempt, reads, ms, now_ms)):
                self._finish([job], now_ms)
                for follower in attempt.open_jobs():
                    if attempt.status == "in_progress" and not follower.environment:
                        self._move_job(follower, "in_progress", now_ms)

    def _finish(self, jobs, now_ms, conclusion=None):
        for job in jobs:
            job.started_ms = job.started_ms or now_ms
            job.conclusion = conclusion or self._job_conclusion(job, self.latest)
            job.status, job.completed_ms = "completed", now_ms
            self._emit("workflow_job", "completed", self.repo, run=self, job=job)
            self._emit("check_run", "completed", self.repo, run=self, job=job)

    def _complete(self, now_ms):
        """Finishes the jobs in the order of their needs, up to a gate; then the run."""
        attempt = self.latest
        if not self._is_startup_failure(attempt.number):
            self._announce(now_ms)
        while attempt.open_jobs():
            done = attempt.conclusions()
            gated = attempt.gate()
            ready = [j for j in attempt.open_jobs()
                     if j not in gated and all(done.get(n) is not None for n in j.needs)]
            if not ready:
                self._wait(gated, now_ms)
                return
            self._finish(ready, now_ms)
        self._end(pick(self.plan.get("conclusions"), attempt.number, self._verdict()), now_ms)

    def _verdict(self):
        worst = [job.conclusion for job in self.latest.jobs]
        if any(c in ("failure", "timed_out") for c in worst):
            return "failure"
        if "cancelled" in worst:
            return "cancelled"
        return "skipped" if worst and all(c == "skipped" for c in worst) else "success"

    def _wait(self, gated, now_ms):
        attempt = self.latest
        attempt.waiting_since_ms = now_ms
        attempt.status, attempt.updated_ms = "waiting", now_ms
        for job in gated:
            self._move_job(job, "waiting", now_ms)
            environment = self.repo.environments.get(job.environment, {})
            name = "deployment_protection_rule" if environment.get("custom") else (
                "deployment_review")
            self._emit(name, "requested", self.repo, run=self, job=job)

    def _job_conclusion(self, job, attempt):
        done = attempt.conclusions()
        if any(done.get(name) not in ("success", "neutral") for name in job.needs):
            return "skipped"
        if job.environment in attempt.rejected:
            return "failure"
        return pick(job.spec.get("conclusions"), attempt.number, "success")

    def _end(self, conclusion, now_ms):
        attempt = self.latest
        attempt.status, attempt.conclusion = "completed", conclusion
        attempt.updated_ms = now_ms
        for spec in pick_artifacts(self.plan.get("artifacts", []), attempt.number):
            self.repo.artifacts[self._next_id()] = dict(spec, run=self, attempt=attempt.number,
                                                        created_ms=now_ms)
        if conclusion != "startup_failure":
            self._emit("check_suite", "completed", self.repo, run=self)
            self._emit("workflow_run", "completed", self.repo, run=self)

    def _with_dependents(self, names):
        grown = set(names)
        while True:
            more = {j.name for j in self.latest.jobs if grown & set(j.needs)} - grown
            if not more:
                return grown
            grown |= more


def pick_artifacts(specs, attempt):
    """An artifact is made by the attempts it names, by every one if it names none."""
    return [s for s in specs if attempt in s.get("attempts", [attempt])]


def summary(run):
    """The run as /_admin/state shows it."""
    return {
        "id": run.id,
        "workflow": run.workflow.file,
        "branch": run.branch,
        "event": run.event,
        "title": run.title,
        "inputs": run.inputs,
        "status": run.latest.status,
        "conclusion": run.latest.conclusion,
        "run_attempt": run.latest.number,
        "created_at": iso(run.created_ms),
        "approvals": [{k: v for k, v in a.items() if k != "at_ms"} for a in run.approvals],
        "attempts": [
            {
                "number": a.number,
                "status": a.status,
                "conclusion": a.conclusion,
                "reads": a.reads,
                "jobs": [
                    {"id": j.id, "name": j.name, "run_attempt": j.run_attempt,
                     "conclusion": j.conclusion}
                    for j in a.jobs
                ],
            }
            for a in run.attempts
        ],
    }
