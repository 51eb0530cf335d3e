"""What the demo prints of its own: on stderr, between the trees that headrace draws."""

import os
import sys
import textwrap

_MARKS = {"GREEN": "✔", "FLAKY_GREEN": "↻", "RED": "✘", "MISSING": "○"}


def _style(code, text):
    plain = not sys.stderr.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"


def say(text=""):
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)


def heading(title, about):
    say()
    say(_style("1;36", "━━ " + title + " " + "━" * max(4, 96 - len(title))))
    say("\n".join(textwrap.wrap(about, 100)))
    say()


def addresses(cluster, github):
    say("demo: a scheduler and two workers; everything is on this machine and removed at the end")
    say(f"  HTTP      {cluster.http}    health, webhooks")
    say(f"  metrics   {cluster.management}/metrics")
    say(f"  API       {cluster.server}    headrace exec list --server {cluster.server}")
    say(f"  GitHub    {github.url}    a stand-in")


def runs(repository, found):
    """The runs of GitHub that a part brought about."""
    for run in found:
        title = f"{repository} {run['workflow']} {run['branch']}"
        red = [f"attempt {one['number']} {job['name']}" for one in run["attempts"] for job in one["jobs"]
               if job["conclusion"] == "failure" and job["run_attempt"] == one["number"]]
        say(f"  {title:<58} {run['conclusion'] or run['status']}" + (f"   red: {', '.join(red)}" if red else ""))


def cells(cells_of_the_night):
    for cell in cells_of_the_night:
        place = f"{cell['repository']} {cell['branch']} {cell['workflow']}"
        jobs = ", ".join(cell.get("failedJobs") or [])
        say(f"  {_MARKS.get(cell['state'], '?')} {cell['state']:<12} {place}" + (f"   {jobs}" if jobs else ""))


def message(texts):
    say()
    say("the team's chat:")
    for text in texts or ["(nothing)"]:
        for line in text.strip().splitlines():
            say(_style("33", "  ┃ ") + line)


def finding(part):
    for fault in part.faults:
        say(_style("31", f"✘ {fault}"))


def summary(parts):
    say()
    say(_style("1;36", "━━ Summary " + "━" * 89))
    for part in parts:
        mark = _style("31", "✘") if part.faults else _style("32", "✔")
        say(f"  {mark} {part.name:<8} {part.seconds:5.1f} s   {part.said}; {part.charged} of {part.sent} requests charged")
    wrong = [part.name for part in parts if part.faults]
    say("  " + (f"not as it should be: {', '.join(wrong)}" if wrong else "everything went as it should"))
