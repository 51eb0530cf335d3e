"""What GitHub has and does in the demo, and what the workers need to reach it and the chat."""

import os

import scenarios
from harness import release_environment

APP, PLUGINS = "acme/app", "acme/plugins"
# What the night finds, a cell each.
NIGHT = {
    f"{APP} main main.yml": "GREEN", f"{APP} main e2e.yml": "FLAKY_GREEN",
    f"{APP} releases/v1.10 main.yml": "GREEN", f"{APP} releases/v1.10 e2e.yml": "GREEN",
    f"{APP} releases/v1.9 main.yml": "GREEN", f"{APP} releases/v1.9 e2e.yml": "RED",
    f"{PLUGINS} main main.yml": "GREEN", f"{PLUGINS} main e2e.yml": "MISSING",
}
VERSIONS = ["1.0.3", "0.24.9", "0.23.14", "0.22.20"]
CONNECTIONS = """connections:
  github:
    kestra-gh:
      endpoint: {url}
      token: "{{{{ secret('GITHUB_TOKEN') }}}}"
    releases:
      endpoint: {url}
      token: "{{{{ secret('GITHUB_TOKEN') }}}}"
"""


def _workflow(*conclusions, **branches):
    """A workflow that can be dispatched, with other conclusions of its tests on some branches, an attempt each."""
    def plan(ends):
        return {"reads": 2, "jobs": [{"name": "build"}, {"name": "tests", "needs": ["build"], "conclusions": list(ends)}]}
    return {"dispatch": {"inputs": {}}, "plan": plan(conclusions),
            "plans": [{"ref": ref, "plan": plan(ends)} for ref, ends in branches.items()]}


def document():
    """Two repositories to release, with a flaky test in one, and two that are looked after at night."""
    night = {"main": ("failure", "success"), "releases/v1.9": ("failure",)}
    everything = scenarios.demo()
    everything["repositories"].update({
        APP: {"default_branch": "main", "refs": {f"refs/heads/releases/v1.{minor}": None for minor in (8, 9, 10)},
              "workflows": {"main.yml": _workflow("success"), "e2e.yml": _workflow("success", **night)}},
        PLUGINS: {"default_branch": "main", "workflows": {"main.yml": _workflow("success")}}})
    return everything


def environment(folder, github_url, slack_url):
    with open(os.path.join(folder, "connections.yaml"), "w", encoding="utf-8") as file:
        file.write(CONNECTIONS.format(url=github_url))
    given = release_environment(github_url)
    return dict(given, PATH=given["RELEASE_BIN"] + ":" + os.environ.get("PATH", ""), HEADRACE_SECRET_SLACK_WEBHOOK=slack_url,
                HEADRACE_HTTP_ALLOW="127.0.0.0/8", HEADRACE_STORAGE_DIR=os.path.join(folder, "storage"))
