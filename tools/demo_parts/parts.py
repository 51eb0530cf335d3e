"""The parts of the demo: each plays its flows and then looks whether GitHub and the chat have what they should."""

import datetime
import os
import time

from demo_parts import scenario, show

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "examples")
RELEASE = "kestra.engineering.release"
FIND_SECONDS = 30


class Part:
    """`faults` says what is not as it should be; `code` is the exit code that follows; `said` sums it up."""

    name = title = about = said = ""

    def __init__(self, cluster, github, slack, inputs):
        self.cluster, self.github, self.slack, self.inputs = cluster, github, slack, inputs
        self.faults, self.code = [], 0
        self.seconds = self.sent = self.charged = 0

    def play(self):
        began, before, known = time.monotonic(), self._requests(), self._known()
        if self.expect(self.cluster.shown("flow", "apply", os.path.join(EXAMPLES, self.folder)), "the flows were not applied"):
            self.run()
            self.check(self._new_runs(known))
        after = self._requests()
        self.sent, self.charged = (after[key] - before[key] for key in ("sent", "charged"))
        self.seconds = time.monotonic() - began

    def start(self, flow, *inputs):
        words = [word for pair in inputs for word in ("-i", pair)]
        code = self.cluster.shown("exec", "start", f"{RELEASE}/{flow}", *words, "--watch")
        self.expect(code, f"{flow} ended with exit code {code}")

    def expect(self, code, otherwise):
        """`code` is an exit code, or whether it holds."""
        code = int(not code) if isinstance(code, bool) else code
        if code:
            self.faults.append(otherwise)
            self.code = self.code or code
        return not code

    def check_once(self, found, wanted):
        """Each of (repository, workflow, branch or version) has one run, which is green."""
        for key in wanted:
            runs = [run for run in found if self.key(run) == key]
            self.expect([run["conclusion"] for run in runs] == ["success"], f"{' '.join(key)}: not one green run but {len(runs)}")

    @staticmethod
    def key(run):
        version = run["inputs"].get("releaseVersion") or run["branch"].removeprefix("v")
        return run["repository"], run["workflow"], version

    def _requests(self):
        return self.github.state()["requests"]

    def _known(self):
        return {run["id"] for repository in self.github.state()["repositories"].values() for run in repository["runs"]}

    def _new_runs(self, known):
        show.say()
        show.say("GitHub has these runs since:")
        found = []
        for name, repository in self.github.state()["repositories"].items():
            new = [dict(run, repository=name) for run in repository["runs"] if run["id"] not in known]
            show.runs(name, new)
            found += new
        return found


class Release(Part):
    name, folder = "release", "release"
    title = "a release, by the flows as they were written for Kestra"
    about = ("Two repositories side by side: is the tag free, dispatch, poll until green, re-run what was flaky; then the images "
             "of both. The polls are a script of the flow.")

    def run(self):
        self.start("release-oss-and-ee", *(self.inputs or ["VERSION_TO_RELEASE=0.22.12", "POLL_INTERVAL=PT1S"]))

    def check(self, found):
        if self.inputs:
            return
        self.check_once(found, [(f"kestra-io/{name}", f"{file}.yml", "0.22.12") for name in ("kestra", "kestra-ee")
                                for file in ("global-start-release", "pre-release", "publish-docker")])
        self.said = "two repositories released, a flaky job run again"


class Native(Part):
    name, folder = "native", "release-native"
    title = "four releases at once, with headrace's own tasks for GitHub"
    about = ("No script: each version is dispatched exactly once, one poll serves all that wait for the repository, failed jobs are "
             "run again once an attempt.")

    def run(self):
        self.start("release-versions", "POLL_INTERVAL=PT1S")

    def check(self, found):
        self.check_once(found, [("kestra-io/kestra", f"{file}.yml", version) for version in scenario.VERSIONS
                                for file in ("global-start-release", "pre-release")])
        attempts = {run["run_attempt"] for run in found if run["workflow"] == "pre-release.yml"}
        self.expect(attempts == {2}, f"the flaky job of each version was to be run again once; attempts: {attempts}")
        self.said = "four versions released, four flaky jobs run again"


class Nightly(Part):
    name, folder = "nightly", "nightly"
    title = "a night of end-to-end runs"
    about = ("At 02:00 the schedule dispatches two workflows on the active branches of two repositories, here by a backfill of one "
             "night. One cell is flaky, one is red, one is missing: the chat hears of what is newly red.")

    def run(self):
        # From noon to noon there is one night, whatever the clocks of Paris do.
        today = datetime.datetime.now(datetime.timezone.utc).date()
        noon = [f"{today - datetime.timedelta(days=back)}T12:00:00Z" for back in (2, 1)]
        trigger = "company.releases/nightly/every_night"
        code = self.cluster.shown("backfill", "create", trigger, "--from", noon[0], "--to", noon[1], "-i", "POLL_INTERVAL=PT1S")
        if not self.expect(code, "the schedule's date could not be filled in"):
            return
        execution = self._execution()
        if self.expect(execution is not None, "the schedule started nothing"):
            code = self.cluster.shown("exec", "watch", execution)
            self.expect(code, f"the night ended with exit code {code}")
            self._look_at(self.cluster.read("exec", "get", execution))

    def _execution(self):
        deadline = time.monotonic() + FIND_SECONDS
        while time.monotonic() < deadline:
            listed = self.cluster.read("exec", "list", "--flow", "nightly")
            if listed:
                return listed[0]["id"]
            time.sleep(0.1)
        return None

    def _look_at(self, execution):
        outputs = next((run.get("outputs", {}) for run in (execution or {}).get("taskRunList", [])
                        if run["taskId"] == "matrix"), {})
        cells = outputs.get("cells", [])
        show.say()
        show.say("the night's matrix:")
        show.cells(cells)
        show.message(self.slack.texts)
        seen = {f"{cell['repository']} {cell['branch']} {cell['workflow']}": cell["state"] for cell in cells}
        for place, state in scenario.NIGHT.items():
            self.expect(seen.get(place) == state, f"{place} was to be {state} and is {seen.get(place, 'not there')}")
        self.expect(len(self.slack.texts) == 1, f"the chat was to hear once and heard {len(self.slack.texts)} times")
        red = next(place for place, state in scenario.NIGHT.items() if state == "RED")
        self.expect(any(f"{red} is red" in text for text in self.slack.texts), f"the chat did not hear that {red} is red")

    def check(self, found):
        self.expect(len(found) == 7, f"7 runs were to be dispatched, not {len(found)}: the eighth workflow is not there")
        states = list(scenario.NIGHT.values())
        words = {"GREEN": "green", "FLAKY_GREEN": "flaky", "RED": "red", "MISSING": "missing"}
        self.said = f"{len(states)} cells: " + ", ".join(f"{states.count(s)} {word}" for s, word in words.items()) + "; one alert"


PARTS = {part.name: part for part in (Release, Native, Nightly)}
