"""What GitHub has and does in the tests and the demo, as script documents of the stand-in."""

JOBS = [
    {"name": "build"},
    {"name": "unit-tests", "needs": ["build"]},
    {"name": "integration-tests", "needs": ["build"]},
    {"name": "publish-maven", "needs": ["unit-tests", "integration-tests"]},
]


def jobs(integration=("success",)):
    """The jobs of pre-release; `integration` has the conclusions of one of them, an attempt each."""
    return [dict(job, conclusions=list(integration)) if job["name"] == "integration-tests" else job
            for job in JOBS]


def repository(pre_release, docker=None, after_ms=0, refs=None):
    """A repository as the release needs it: starting a release makes the tag and its run."""
    version = {"inputs": {"releaseVersion": {"required": True}}}
    return {
        "default_branch": "develop",
        "refs": dict({"refs/tags/v1.0.2": None}, **(refs or {})),
        "workflows": {
            "global-start-release.yml": {
                "name": "Start release", "dispatch": version,
                "plan": {"title": "Release {releaseVersion}"},
                "after_dispatch": [{
                    "after_ms": after_ms, "create_ref": "refs/tags/v{releaseVersion}",
                    "run": {"workflow": "pre-release.yml", "ref": "v{releaseVersion}"}}],
            },
            "pre-release.yml": {"name": "Pre-release", "plan": pre_release},
            "publish-docker.yml": {
                "name": "Publish docker", "dispatch": version,
                "plan": docker or {"jobs": [{"name": "image"}]},
            },
        },
    }


def one(pre_release, **more):
    return {"repositories": {"kestra-io/kestra": repository(pre_release, **more)}}


def both(oss, ee, docker=None, after_ms=0):
    return {"repositories": {
        "kestra-io/kestra": repository(oss, docker, after_ms),
        "kestra-io/kestra-ee": dict(repository(ee, docker, after_ms), private=True),
    }}


def demo():
    """A flaky test in one repository, a slow build in the other, tags that take a moment."""
    return both(
        oss={"reads": [3, 2], "jobs": jobs(("failure", "success"))},
        ee={"reads": 5, "jobs": jobs()},
        docker={"reads": 3, "jobs": [{"name": "image"}, {"name": "push", "needs": ["image"]}]},
        after_ms=300)
