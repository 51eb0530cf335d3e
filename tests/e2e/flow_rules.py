#!/usr/bin/env python3
"""Runs every flow of tests/data/rules and holds it against what its head says.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/flow_rules.py [NAME…]
      flow_rules.py --table        prints docs/rules.md instead of running anything

A flow begins with comments: `rule` (what of the flow language it shows), `state` (how it ends), any number of `check`
(a jq expression over the execution's JSON that must be true), `input` (KEY=VALUE; $RULES is their
folder), `env` (NAME=VALUE) and `templates` (given:
the flow may take in those of tests/data/rules/templates).
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RULES = os.path.join(ROOT, "tests", "data", "rules")
SUBFLOWS = os.path.join(RULES, "subflows")
TEMPLATES = os.path.join(RULES, "templates")


def read_head(path):
    head = {"rule": "", "state": "", "templates": "", "check": [], "input": [], "env": []}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("# "):
                break
            key, _, value = line[2:].strip().partition(": ")
            if key not in head:
                raise SystemExit(f"{path}: unknown key '{key}' in its head")
            if isinstance(head[key], list):
                head[key].append(value)
            else:
                head[key] = value
    return head


def flows(names):
    found = sorted(entry[:-5] for entry in os.listdir(RULES) if entry.endswith(".yaml"))
    return [name for name in found if not names or name in names]


def jq(expression, document):
    done = subprocess.run(["jq", "-e", expression], input=document, capture_output=True, text=True, check=False)
    return done.returncode == 0


def all_true(pairs):
    """For each (checks, document) whether all hold, by one process for all; what it cannot tell is false."""
    def held(number, checks):
        return f"(.[{number}] | [try ({' and '.join(f'({check} | . != null and . != false)' for check in checks)}) catch false] | last)"
    program = "[" + ",\n".join(held(number, checks or ["true"]) for number, (checks, _) in enumerate(pairs)) + "]"
    with tempfile.NamedTemporaryFile("w", suffix=".jq") as file:
        file.write(program)
        file.flush()
        done = subprocess.run(["jq", "-s", "-f", file.name], input="\n".join(document for _, document in pairs), capture_output=True,
                              text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else [False] * len(pairs)


def untrue(checks, document):
    """Those that do not hold, each asked alone."""
    return [check for check in checks if not jq(check, document)]


def brief(execution):
    runs = [[run["taskId"], run.get("value"), run["state"]["current"], run.get("outputs")]
            for run in execution.get("taskRunList", [])]
    return json.dumps({"labels": execution.get("labels"), "outputs": execution.get("outputs"), "taskRunList": runs})


def run(binary, name):
    path = os.path.join(RULES, name + ".yaml")
    head = read_head(path)
    argv = [binary, "run", path, "--flows", SUBFLOWS, "-o", "json"]
    if head["templates"]:
        argv += ["--templates", TEMPLATES]
    for given in head["input"]:
        argv += ["-i", given.replace("$RULES", RULES)]
    with tempfile.TemporaryDirectory(prefix="headrace-rules-") as folder:
        environment = dict(os.environ, TMPDIR=folder, **dict(pair.split("=", 1) for pair in head["env"]))
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, env=environment,
                              stdin=subprocess.DEVNULL, cwd=folder)
    return head, done


def faults_of(head, done, held):
    """`held`: all checks are known to be true."""
    try:
        execution = json.loads(done.stdout)
    except ValueError:
        return [f"no JSON on stdout, exit {done.returncode}\n{done.stdout[:500]}{done.stderr[:1500]}"]
    faults = []
    if execution["state"]["current"] != head["state"]:
        faults.append(f"state {execution['state']['current']}, expected {head['state']}")
    faults += [f"not true: {check}" for check in ([] if held else untrue(head["check"], done.stdout))]
    if faults:
        faults.append(brief(execution))
        faults.append(done.stderr[-1500:])
    return faults


def table():
    lines = ["# Rules and the flows that show them", "",
             "Each flow of `tests/data/rules` is run by `tests/e2e/flow_rules.py` and shows one rule of the flow language.",
             "Made by `tests/e2e/flow_rules.py --table`; a test holds this page against the flows.", "",
             "| rule | flow | ends |", "|---|---|---|"]
    rows = []
    for name in flows([]):
        head = read_head(os.path.join(RULES, name + ".yaml"))
        rows.append((head["rule"].replace("|", "\\|"), name, head["state"]))
    rows.sort(key=lambda row: ([int(part) for part in row[0].split(" ")[0].split(".")], row[0]))
    lines += [f"| {rule} | [{name}](../tests/data/rules/{name}.yaml) | {state} |" for rule, name, state in rows]
    return "\n".join(lines) + "\n"


def main():
    if "--table" in sys.argv:
        print(table(), end="")
        return 0
    binary = os.path.abspath(os.environ["HEADRACE_BIN"])
    names = flows(sys.argv[1:])
    failed = 0
    if not sys.argv[1:]:
        with open(os.path.join(ROOT, "docs", "rules.md"), encoding="utf-8") as file:
            if file.read() != table():
                failed += 1
                print("docs/rules.md is not what flow_rules.py --table prints")
    with concurrent.futures.ThreadPoolExecutor(2 * os.cpu_count()) as pool:
        ended = list(pool.map(lambda name: run(binary, name), names))
    for name, (head, done), held in zip(names, ended, all_true([(head["check"], done.stdout) for head, done in ended])):
        faults = faults_of(head, done, held)
        failed += bool(faults)
        for fault in faults:
            print(f"{name}: {fault}")
    print(f"{len(names)} flows, {failed} faults")
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
