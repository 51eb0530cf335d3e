"""GitHub's JSON shapes of pull requests, issues, comments, labels and releases. Pure: a dict out."""

from github_standin.clock import iso
from github_standin.render import WEB, node_id, repository, user
from github_standin.render_actions import stamp

LINKS = {"comments": "comments", "commits": "commits", "review_comments": "comments"}


def label(repo, name, base):
    known = repo.labels.get(name, {})
    number = sum(name.encode())
    return {"id": number, "node_id": node_id("Label", number), "name": name,
            "url": f"{base}/repos/{repo.full_name}/labels/{name}",
            "color": known.get("color", "ededed"), "default": False,
            "description": known.get("description") or ""}


def _end(repo, branch, sha, base):
    return {"label": f"{repo.owner}:{branch}", "ref": branch, "sha": sha,
            "user": user(repo.owner, base), "repo": repository(repo, base)}


def pull(repo, p, base, mergeable=None):
    """`mergeable`: the mergeable_state, for the long form."""
    home = f"{base}/repos/{repo.full_name}"
    url, issue_url = f"{home}/pulls/{p['number']}", f"{home}/issues/{p['number']}"
    html = f"{WEB}/{repo.full_name}/pull/{p['number']}"
    urls = {
        "comments_url": f"{issue_url}/comments", "commits_url": f"{url}/commits",
        "statuses_url": f"{home}/statuses/{p['head_sha']}", "html_url": html,
        "issue_url": issue_url, "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{home}/pulls/comments{{/number}}",
    }
    base_sha = repo.refs.get(f"refs/heads/{p['base']}", "0" * 40)
    shown = dict(urls, **{
        "id": p["id"], "node_id": node_id("PullRequest", p["id"]), "number": p["number"],
        "url": url, "diff_url": html + ".diff", "patch_url": html + ".patch", "state": p["state"],
        "locked": False, "active_lock_reason": None, "title": p["title"],
        "body": p["body"], "user": user(p["user"], base),
        "created_at": iso(p["created_ms"]), "updated_at": iso(p["updated_ms"]),
        "closed_at": stamp(p["closed_ms"]), "merged_at": stamp(p["merged_ms"]),
        "merge_commit_sha": p["merge_commit_sha"], "assignee": None,
        "assignees": [user(a, base) for a in p["assignees"]],
        "requested_reviewers": [user(r, base) for r in p["reviewers"]],
        "requested_teams": [team(repo, t, base) for t in p["teams"]],
        "labels": [label(repo, name, base) for name in p["labels"]], "milestone": None,
        "draft": p["draft"], "author_association": "MEMBER", "auto_merge": None,
        "head": _end(repo, p["head"], p["head_sha"], base),
        "base": _end(repo, p["base"], base_sha, base),
        "_links": dict({name[:-4]: {"href": link} for name, link in urls.items()},
                       self={"href": url}),
    })
    if mergeable is not None:
        known = repo.git.merge_base(base_sha, p["head_sha"])
        changed = repo.git.changes(known, p["head_sha"]) if known else []
        shown.update({
            "merged": p["merged"], "mergeable_state": mergeable,
            "mergeable": None if mergeable == "unknown" else mergeable != "dirty",
            "rebaseable": None, "merged_by": p["merged_by"] and user(p["merged_by"], base),
            "comments": len(p["comments"]), "review_comments": 0, "commits": 1, "additions": 0,
            "deletions": 0, "changed_files": len(changed),
            "maintainer_can_modify": p["maintainer_can_modify"]})
    return shown


def team(repo, slug, base):
    number = sum(slug.encode())
    url = f"{base}/organizations/1/team/{number}"
    return {"id": number, "node_id": node_id("Team", number), "name": slug, "slug": slug,
            "description": None, "privacy": "closed", "notification_setting":
            "notifications_enabled", "permission": "push", "url": url, "parent": None,
            "html_url": f"{WEB}/orgs/{repo.owner}/teams/{slug}", "type": "organization",
            "members_url": url + "/members{/member}", "repositories_url": url + "/repos"}


def issue(repo, i, base):
    url = f"{base}/repos/{repo.full_name}/issues/{i['number']}"
    kind = "pull" if "head" in i else "issues"
    html = f"{WEB}/{repo.full_name}/{kind}/{i['number']}"
    shown = {
        "id": i["id"], "node_id": node_id("Issue", i["id"]), "number": i["number"], "url": url,
        "repository_url": f"{base}/repos/{repo.full_name}", "labels_url": url + "/labels{/name}",
        "comments_url": url + "/comments", "events_url": url + "/events", "html_url": html,
        "title": i["title"], "body": i["body"], "state": i["state"], "locked": False,
        "active_lock_reason": None,
        "user": user(i["user"], base), "assignee": None, "milestone": None,
        "assignees": [user(a, base) for a in i["assignees"]],
        "labels": [label(repo, name, base) for name in i["labels"]],
        "comments": len(i["comments"]), "created_at": iso(i["created_ms"]),
        "updated_at": iso(i["updated_ms"]), "closed_at": stamp(i["closed_ms"]),
        "author_association": "MEMBER",
    }
    if "head" in i:
        shown["pull_request"] = {
            "url": url.replace("/issues/", "/pulls/"), "html_url": html, "diff_url": html + ".diff",
            "patch_url": html + ".patch", "merged_at": stamp(i["merged_ms"])}
    return shown


def comment(repo, number, c, base):
    home = f"{base}/repos/{repo.full_name}/issues"
    at = iso(c["created_ms"])
    return {"id": c["id"], "node_id": node_id("IssueComment", c["id"]), "body": c["body"],
            "url": f"{home}/comments/{c['id']}", "issue_url": f"{home}/{number}",
            "html_url": f"{WEB}/{repo.full_name}/issues/{number}#issuecomment-{c['id']}",
            "user": user(c["user"], base), "created_at": at, "updated_at": at,
            "author_association": "MEMBER"}


def release(repo, r, base):
    url = f"{base}/repos/{repo.full_name}/releases/{r['id']}"
    root = base[:-len("/api/v3")] if base.endswith("/api/v3") else base
    tag = r["tag_name"]
    html = f"{WEB}/{repo.full_name}/releases/tag/{tag}"
    return {
        "id": r["id"], "node_id": node_id("Release", r["id"]), "url": url, "html_url": html,
        "assets_url": f"{url}/assets", "tag_name": tag, "name": r["name"], "body": r["body"],
        "upload_url": f"{root}/api/uploads/repos/{repo.full_name}/releases/{r['id']}/assets"
                      "{?name,label}",
        "target_commitish": r["target_commitish"], "draft": r["draft"],
        "prerelease": r["prerelease"], "created_at": iso(r["created_ms"]),
        "published_at": stamp(r["published_ms"]), "author": user(r["author"], base),
        "tarball_url": f"{base}/repos/{repo.full_name}/tarball/{tag}",
        "zipball_url": f"{base}/repos/{repo.full_name}/zipball/{tag}",
        "assets": [asset(repo, r, a, base) for a in r["assets"]],
    }


def asset(repo, r, a, base):
    return {"id": a["id"], "node_id": node_id("ReleaseAsset", a["id"]), "name": a["name"],
            "label": a["label"], "state": "uploaded", "content_type": a["content_type"],
            "size": len(a["data"]), "digest": "sha256:" + a["sha256"], "download_count": 0,
            "url": f"{base}/repos/{repo.full_name}/releases/assets/{a['id']}",
            "browser_download_url": f"{WEB}/{repo.full_name}/releases/download/{r['tag_name']}/"
                                    f"{a['name']}",
            "created_at": iso(a["created_ms"]), "updated_at": iso(a["created_ms"]),
            "uploader": user(r["author"], base)}
