"""The life of a workflow run: attempts, jobs, re-runs.

A plan says how a run goes; every value may be a list with one entry an attempt (the last repeats):
  reads        the run is completed at its k-th read (0: at once; "never": it goes on for ever)
  ms           and not before this many milliseconds of the stand-in's clock
  jobs         [{name, conclusions, needs}]: conclusions is indexed by the run's attempt
  conclusions  overrides what the jobs say (startup_failure, action_required, ...)
  hidden_reads list requests that do not show the run yet
  title        display_title, with {input} replaced by the inputs of the dispatch
A read is a request that shows the run. Jobs keep their own run_attempt when others are run again.
"""

from github_standin.clock import iso
from github_standin.errors import ApiError

RED = ("failure", "timed_out", "startup_failure", "cancelled")
NEVER = "never"
MONTH_MS = 30 * 24 * 3600 * 1000


def pick(value, attempt, default):
    """The entry of `value` for this attempt (1-based); the last one repeats."""
    if value is None:
        return default
    if not isinstance(value, list):
        return value
    return value[min(attempt, len(value)) - 1] if value else default


class Job:
    """One job in one attempt. A job that was not run again is shared by the next attempt."""

    def __init__(self, job_id, spec, run_attempt):
        self.id = job_id
        self.name = spec["name"]
        self.needs = list(spec.get("needs", []))
        self.spec = spec
        self.run_attempt = run_attempt
        self.status = "queued"
        self.conclusion = None
        self.started_ms = None
        self.completed_ms = None

    def finish(self, conclusion, now_ms):
        self.status, self.conclusion = "completed", conclusion
        self.completed_ms = now_ms


class Attempt:
    def __init__(self, number, jobs, now_ms, actor):
        self.number = number
        self.jobs = jobs
        self.status = "queued"
        self.conclusion = None
        self.reads = 0
        self.started_ms = now_ms
        self.updated_ms = now_ms
        self.actor = actor

    def own_jobs(self):
        return [job for job in self.jobs if job.run_attempt == self.number]


class Run:
    def __init__(self, run_id, repo, workflow, number, head, plan, now_ms, next_id):
        self.id = run_id
        self.repo = repo
        self.workflow = workflow
        self.number = number
        self.branch, self.sha, self.event, self.actor = head
        self.plan = plan
        self.title = plan.get("title") or workflow.name
        self.inputs = {}
        self.created_ms = now_ms
        self.hidden_reads = plan.get("hidden_reads", 0)
        self._next_id = next_id
        specs = plan.get("jobs") or [{"name": "build"}]
        if "startup_failure" in (plan.get("conclusions") or []):
            specs = []
        self.attempts = []
        self._open([Job(next_id(), spec, 1) for spec in specs], now_ms, self.actor)

    @property
    def latest(self):
        return self.attempts[-1]

    def attempt(self, number):
        if not 1 <= number <= len(self.attempts):
            return None
        return self.attempts[number - 1]

    def observe(self, now_ms):
        """One read of the run: moves it on, then the caller renders what is there."""
        self.latest.reads += 1
        self.settle(now_ms)
        attempt = self.latest
        if attempt.status == "queued" and attempt.reads > 1:
            self._set_status("in_progress", now_ms)

    def settle(self, now_ms):
        """Completes the latest attempt if its plan says that it is over; reads nothing."""
        attempt = self.latest
        if attempt.status == "completed":
            return
        reads = pick(self.plan.get("reads"), attempt.number, 0)
        ms = pick(self.plan.get("ms"), attempt.number, 0)
        if NEVER in (reads, ms) or attempt.reads < reads or now_ms < attempt.started_ms + ms:
            return
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
            Job(self._next_id(), job.spec, number) if job.name in names else job
            for job in self.latest.jobs
        ]
        self._open(merged, now_ms, actor)

    def failed_jobs(self):
        return [job for job in self.latest.jobs if job.conclusion in RED]

    def cancel(self, now_ms):
        if self.latest.status == "completed":
            raise ApiError(409, "Cannot cancel a workflow run that is completed.")
        for job in self.latest.own_jobs():
            job.finish("cancelled", now_ms)
        self._end("cancelled", now_ms)

    def force(self, conclusion, now_ms):
        """Ends the latest attempt with this conclusion, whatever the plan says (admin)."""
        for job in self.latest.own_jobs():
            job.finish(conclusion, now_ms)
        self._end(conclusion, now_ms)

    def _open(self, jobs, now_ms, actor):
        self.attempts.append(Attempt(len(self.attempts) + 1, jobs, now_ms, actor))
        self.settle(now_ms)

    def _set_status(self, status, now_ms):
        attempt = self.latest
        attempt.status, attempt.updated_ms = status, now_ms
        for job in attempt.own_jobs():
            job.status = status
            job.started_ms = job.started_ms or now_ms

    def _complete(self, now_ms):
        attempt = self.latest
        for job in attempt.own_jobs():
            job.started_ms = job.started_ms or now_ms
            job.finish(self._job_conclusion(job, attempt), now_ms)
        worst = [job.conclusion for job in attempt.jobs]
        verdict = "success"
        if any(c in ("failure", "timed_out") for c in worst):
            verdict = "failure"
        elif "cancelled" in worst:
            verdict = "cancelled"
        elif worst and all(c == "skipped" for c in worst):
            verdict = "skipped"
        self._end(pick(self.plan.get("conclusions"), attempt.number, verdict), now_ms)

    def _job_conclusion(self, job, attempt):
        done = {j.name: j.conclusion for j in attempt.jobs}
        if any(done.get(name) not in ("success", "neutral") for name in job.needs):
            return "skipped"
        return pick(job.spec.get("conclusions"), attempt.number, "success")

    def _end(self, conclusion, now_ms):
        attempt = self.latest
        attempt.status, attempt.conclusion = "completed", conclusion
        attempt.updated_ms = now_ms

    def _with_dependents(self, names):
        grown = set(names)
        while True:
            more = {j.name for j in self.latest.jobs if grown & set(j.needs)} - grown
            if not more:
                return grown
            grown |= more


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
