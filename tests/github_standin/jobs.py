"""The jobs of a run's attempt: what they are and how far they have come."""


def pick(value, attempt, default):
    """The entry of `value` for this attempt (1-based); the last one repeats."""
    if value is None:
        return default
    if not isinstance(value, list):
        return value
    return value[min(attempt, len(value)) - 1] if value else default


class Job:
    """One job in one attempt. A job that was not run again is shared by the next attempt."""

    def __init__(self, job_id, spec, run_attempt, now_ms):
        self.id = job_id
        self.name = spec["name"]
        self.needs = list(spec.get("needs", []))
        self.environment = spec.get("environment")
        self.spec = spec
        self.run_attempt = run_attempt
        self.status = "queued"
        self.conclusion = None
        self.created_ms = now_ms
        self.started_ms = None
        self.completed_ms = None

    def steps(self):
        """[(name, status, conclusion)]: the steps follow the job; one may be told to fail."""
        shown = []
        for spec in self.spec.get("steps", [{"name": "Run " + self.name}]):
            conclusion = None
            if self.status == "completed":
                conclusion = "success"
                if self.conclusion != "success":
                    conclusion = pick(spec.get("conclusions"), self.run_attempt, self.conclusion)
            shown.append((spec["name"], self.status, conclusion))
        return shown

    def log(self):
        default = f"{self.name}: {self.conclusion or self.status}\n"
        return pick(self.spec.get("logs"), self.run_attempt, default)


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
        self.announced = False  # workflow_run in_progress was sent
        self.approved = set()  # environments
        self.rejected = set()
        self.waiting_since_ms = None
        self.released = None  # (reads, ms) when the last gate opened
        self.cancel_at_read = None

    def own_jobs(self):
        return [job for job in self.jobs if job.run_attempt == self.number]

    def open_jobs(self):
        return [job for job in self.own_jobs() if job.status != "completed"]

    def conclusions(self):
        return {job.name: job.conclusion for job in self.jobs}

    def gate(self):
        """The open jobs that wait for an environment, their needs being met."""
        done = self.conclusions()
        return [job for job in self.open_jobs()
                if job.environment and job.environment not in self.approved | self.rejected
                and all(done.get(n) in ("success", "neutral") for n in job.needs)]
