#!/usr/bin/env python3
"""What a run did, as a table: every task run of an execution and of its subflows, waiting and running time apart.

usage: tools/summary.py BINARY SERVER [EXECUTION]      (default: the newest execution without a parent)

Running is the time in which a worker had an attempt of the task run, or of something inside it; all else is waiting.
"""
import datetime
import json
import subprocess
import sys


def at(entry):
    return datetime.datetime.fromisoformat(entry["date"].replace("Z", "+00:00")).timestamp()


def stretches(state, name):
    """[start, end] of every stay in a state."""
    histories = state.get("histories", [])
    return [(at(entry), at(after)) for entry, after in zip(histories, histories[1:]) if entry["state"] == name]


def span(state):
    histories = state.get("histories", [])
    return (at(histories[0]), at(histories[-1])) if histories else (0.0, 0.0)


def union(parts):
    total, end = 0.0, None
    for first, last in sorted(parts):
        start = first if end is None else max(first, end)
        total += max(0.0, last - start)
        end = last if end is None else max(end, last)
    return total


def children_of(execution):
    """The ids of the executions that its task runs started."""
    for run in execution.get("taskRunList") or []:
        child = (run.get("outputs") or {}).get("executionId")
        if child:
            yield child


class Run:
    """One execution with its task runs in tree order, and the executions that they started."""

    def __init__(self, execution, executions):
        self.execution = execution
        self.runs = execution.get("taskRunList") or []
        self.inside = {}
        for run in self.runs:
            self.inside.setdefault(run.get("parentTaskRunId"), []).append(run)
        self.children = {}
        for run in self.runs:
            child = executions.get((run.get("outputs") or {}).get("executionId"))
            if child is not None and child is not execution:
                self.children[run["id"]] = Run(child, executions)

    def busy(self, run):
        """When a worker had this task run, or anything inside it."""
        parts = []
        below, child = self.inside.get(run["id"], []), self.children.get(run["id"])
        if below or child:
            for inner in below:
                parts += self.busy(inner)
            if child:
                parts += child.all_busy()
        else:
            for attempt in run.get("attempts") or []:
                parts += stretches(attempt["state"], "RUNNING")
        return parts

    def all_busy(self):
        return [part for run in self.inside.get(None, []) for part in self.busy(run)]

    def rows(self, depth=0):
        yield row(depth, self.execution["flowId"], self.execution["state"], "", "", self.all_busy())
        yield from self.inner_rows(None, depth + 1)

    def inner_rows(self, parent, depth):
        for run in self.inside.get(parent, []):
            name = run["taskId"]
            if run.get("iteration") is not None and run.get("parentTaskRunId"):
                name += f" #{run['iteration'] + 1}"
            if run.get("value") is not None:
                name += f" [{run['value']}]"
            looks = {inner.get("iteration") for inner in self.inside.get(run["id"], [])} - {None}
            yield row(depth, name, run["state"], len(run.get("attempts") or []) or "", len(looks) or "", self.busy(run))
            yield from self.inner_rows(run["id"], depth + 1)
            if run["id"] in self.children:
                yield from self.children[run["id"]].rows(depth + 1)


def row(depth, name, state, attempts, iterations, busy):
    first, last = span(state)
    total, running = last - first, union(busy)
    return ("  " * depth + name, state["current"], str(attempts), str(iterations), f"{total:.2f} s", f"{running:.2f} s",
            f"{max(0.0, total - running):.2f} s")


HEAD = ("task run", "state", "attempts", "iterations", "duration", "running", "waiting")


def table(rows):
    rows = [HEAD, *rows]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(HEAD))]
    for cells in rows:
        yield "  ".join(cell.ljust(width) if i < 2 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(cells, widths))).rstrip()


def ask(binary, server, *arguments):
    done = subprocess.run([binary, *arguments, "--server", server, "-o", "json"], check=True, capture_output=True,
                          stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


def listed(answer):
    return answer if isinstance(answer, list) else answer.get("results", answer.get("executions", []))


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    binary, server = sys.argv[1:3]
    found = [ask(binary, server, "exec", "get", entry["id"]) for entry in listed(ask(binary, server, "exec", "list"))]
    executions = {execution["id"]: execution for execution in found}
    if len(sys.argv) == 4:
        roots = [execution for execution in found if execution["id"] == sys.argv[3]]
    else:
        started = {child for execution in found for child in children_of(execution)}
        roots = [execution for execution in found if execution["id"] not in started]
    if not roots:
        sys.exit("summary: no such execution")
    for line in table(Run(roots[0], executions).rows()):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
