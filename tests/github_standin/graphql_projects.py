"""GraphQL of our own clients: an organization's projects, and many runs by their node ids.

Scripted: {"projects": {"kestra-io": {"7": {"title", "items": [{title, number, url, type,
fields: {name: text}, labels: [name]}]}}}}.
"""

import base64
import re

from github_standin.clock import iso
from github_standin.errors import ApiError
from github_standin.render import node_id


def project(world, request, text, variables):
    """organization(login:) { projectV2(number:) { title items(first:, after:) {...} } }"""
    login = _argument(text, variables, "login")
    number = str(_argument(text, variables, "number"))
    found = world.projects.get(login, {}).get(number)
    if found is None:
        raise ApiError(404, f"Could not resolve to a ProjectV2 with the number {number}.")
    first = int(_argument(text, variables, "first") or 100)
    after = int(_argument(text, variables, "after") or 0)
    items = found.get("items", [])
    page, end = items[after:after + first], after + first
    return {"organization": {"projectV2": {
        "id": node_id("ProjectV2", number), "title": found.get("title", ""), "number": int(number),
        "items": {"totalCount": len(items), "nodes": [_item(i, n) for n, i in enumerate(page)],
                  "pageInfo": {"hasNextPage": end < len(items), "endCursor": str(end)}}}}}


def nodes(world, request, text, variables):
    """nodes(ids: [at most 100]) { ... on WorkflowRun {...} }: null for what is not there."""
    ids = variables.get("ids") or re.findall(r'"([^"]+)"', text.partition("nodes")[2])
    if len(ids) > 100:
        raise ApiError(422, "You may not provide more than 100 node ids.")
    return {"nodes": [_run(world, one) for one in ids]}


def _run(world, one):
    try:
        kind, _, number = base64.b64decode(one).decode().partition(":")
    except ValueError:
        return None
    for repo in world.repositories.values():
        run = repo.runs.get(int(number)) if kind == "WorkflowRun" else None
        if run:
            run.observe(world.clock.now_ms())
            status = run.shown.status.upper()
            conclusion = run.shown.conclusion
            return {"__typename": "WorkflowRun", "id": one, "databaseId": run.id,
                    "updatedAt": iso(run.shown.updated_ms), "checkSuite": {
                        "status": status, "conclusion": conclusion and conclusion.upper()}}
    return None


def _item(item, number):
    """One item with its fields in both forms that queries ask for."""
    fields = [{"__typename": "ProjectV2ItemFieldSingleSelectValue", "name": text, "text": text,
               "field": {"name": name}} for name, text in item.get("fields", {}).items()]
    labels = [{"name": name} for name in item.get("labels", [])]
    kind = item.get("type", "ISSUE")
    return {"id": node_id("ProjectV2Item", number), "type": kind, "content": {
        "__typename": "Issue" if kind == "ISSUE" else "PullRequest", "title": item.get("title"),
        "number": item.get("number"), "url": item.get("url"), "state": item.get("state", "OPEN"),
        "labels": {"nodes": labels}}, "fieldValues": {"nodes": fields}}


def _argument(text, variables, name):
    """A variable of this name, or what stands behind `name:` in the query."""
    found = re.search(rf'\b{name}\s*:\s*(?:\$(\w+)|"([^"]*)"|(\d+))', text)
    if found and found.group(1):
        return variables.get(found.group(1))
    return (found.group(2) or found.group(3)) if found else variables.get(name)
