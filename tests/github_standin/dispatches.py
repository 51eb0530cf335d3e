"""repository_dispatch: an event of one's own, which starts what listens to it. No run id."""

from github_standin.errors import invalid
from github_standin.http_types import Answer, Router, permit, wanted

router = Router()


@router.add("POST", "/repos/{owner}/{repo}/dispatches")
def dispatch(world, request, repo, **_):
    body = request.json()
    permit(body, ("event_type", "client_payload"))
    kind, payload = wanted(body, "event_type"), body.get("client_payload") or {}
    if len(kind) > 100:
        raise invalid("Invalid request.\n\nevent_type is too long.")
    if len(payload) > 10:
        raise invalid("Invalid request.\n\nNo more than 10 properties are allowed.")
    world.emit("repository_dispatch", kind, repo, client_payload=payload, actor=request.login)
    world.trigger(repo, "repository_dispatch", f"refs/heads/{repo.default_branch}", request.login,
                  kind, {k: v for k, v in payload.items() if isinstance(v, (str, int))})
    world.settle()
    return Answer(204)
