"""Which permission a request needs of a token that has only some (App, fine-grained)."""

import re

from github_standin.errors import ApiError

LEVELS = {None: 0, "read": 1, "write": 2, "admin": 3}
# First match wins: path below the repository -> permission. Reads need read, the rest write.
RULES = [(re.compile(pattern), name) for pattern, name in (
    (r"^actions/runs/\d+/(pending_deployments|deployment_protection_rule)$", "deployments"),
    (r"^actions(/|$)", "actions"),
    (r"^(commits/[^/]+/check-(runs|suites)|check-(runs|suites))(/|$)", "checks"),
    (r"^(commits/[^/]+/status(es)?|statuses/)", "statuses"),
    (r"^(git|branches|tags|commits|compare|contents|releases|dispatches|generate-notes)(/|$)",
     "contents"),
    (r"^pulls/\d+/(merge|update-branch)$", "contents"),
    (r"^pulls(/|$)", "pull_requests"),
    (r"^(issues|labels)(/|$)", "issues"),
    (r"^(environments|deployments)(/|$)", "deployments"),
    (r"^hooks(/|$)", "repository_hooks"),
)]


def check(granted, by, method, path):
    """403 if `granted` {name: level} does not suffice; `by` names the kind of token."""
    below = "/".join(path.strip("/").split("/")[3:]) if path.startswith("/repos/") else ""
    if path.startswith("/uploads/"):
        below = "releases"
    if not below:
        return  # metadata: every token may
    name = next((n for pattern, n in RULES if pattern.search(below)), None)
    level = "read" if method in ("GET", "HEAD") else "write"
    names = {name, "pull_requests"} if name == "issues" else {name}
    best = max(LEVELS[granted.get(n)] for n in names)
    if name == "contents" and below.startswith("pulls/") and best < LEVELS[level]:
        best = LEVELS[granted.get("pull_requests")] if method == "GET" else best
    if best < LEVELS[level]:
        raise ApiError(403, f"Resource not accessible by {by}",
                       headers={"X-Accepted-GitHub-Permissions": f"{name}={level}"})
