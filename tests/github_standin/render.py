"""GitHub's JSON shapes of users, repositories, apps, commits and refs. Pure: a dict out.

`base` is the URL of the API. What GitHub's own description requires is there; what no client of
ours reads is constant.
"""

import base64
import functools

from github_standin.clock import iso

WEB = "https://github.com"
# Name in the answer -> what follows the repository's URL.
REPOSITORY_URLS = {
    "archive": "{archive_format}{/ref}", "assignees": "assignees{/user}",
    "blobs": "git/blobs{/sha}", "branches": "branches{/branch}",
    "collaborators": "collaborators{/collaborator}", "comments": "comments{/number}",
    "commits": "commits{/sha}", "compare": "compare/{base}...{head}", "contents": "contents/{+path}",
    "contributors": "contributors", "deployments": "deployments", "downloads": "downloads",
    "events": "events", "forks": "forks", "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}", "git_tags": "git/tags{/sha}", "hooks": "hooks",
    "issue_comment": "issues/comments{/number}", "issue_events": "issues/events{/number}",
    "issues": "issues{/number}", "keys": "keys{/key_id}", "labels": "labels{/name}",
    "languages": "languages", "merges": "merges", "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}", "pulls": "pulls{/number}",
    "releases": "releases{/id}", "stargazers": "stargazers", "statuses": "statuses/{sha}",
    "subscribers": "subscribers", "subscription": "subscription", "tags": "tags", "teams": "teams",
    "trees": "git/trees{/sha}",
}
USER_URLS = {
    "events": "events{/privacy}", "followers": "followers", "following": "following{/other_user}",
    "gists": "gists{/gist_id}", "organizations": "orgs", "received_events": "received_events",
    "repos": "repos", "starred": "starred{/owner}{/repo}", "subscriptions": "subscriptions",
}


def node_id(kind, number):
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


@functools.lru_cache(maxsize=256)
def _user(login, base):
    url = f"{base}/users/{login}"
    shown = {"login": login, "id": sum(login.encode()), "node_id": node_id("User", login),
             "avatar_url": f"{WEB}/{login}.png", "gravatar_id": "", "url": url,
             "html_url": f"{WEB}/{login}", "type": "Bot" if login.endswith("[bot]") else "User",
             "site_admin": False}
    shown.update({f"{name}_url": f"{url}/{rest}" for name, rest in USER_URLS.items()})
    return shown


def user(login, base="https://api.github.com"):
    return dict(_user(login, base))


@functools.lru_cache(maxsize=256)
def _minimal(full_name, repo_id, private, base):
    owner, name = full_name.split("/", 1)
    url = f"{base}/repos/{full_name}"
    shown = {"id": repo_id, "node_id": node_id("Repository", repo_id), "name": name,
             "full_name": full_name, "private": private, "owner": user(owner, base),
             "html_url": f"{WEB}/{full_name}", "description": None, "fork": False, "url": url}
    shown.update({f"{key}_url": f"{url}/{rest}" for key, rest in REPOSITORY_URLS.items()})
    return shown


def minimal_repository(repo, base):
    return dict(_minimal(repo.full_name, repo.id, repo.private, base))


def repository(repo, base):
    shown = minimal_repository(repo, base)
    at = iso(repo.created_ms)
    shown.update({
        "clone_url": f"{WEB}/{repo.full_name}.git", "git_url": f"git://x/{repo.full_name}.git",
        "ssh_url": f"git@github.com:{repo.full_name}.git", "svn_url": f"{WEB}/{repo.full_name}",
        "mirror_url": None, "homepage": None, "language": None, "license": None,
        "default_branch": repo.default_branch, "visibility": "private" if repo.private else "public",
        "archived": False, "disabled": False, "is_template": False, "topics": repo.topics, "size": 1,
        "created_at": at, "updated_at": at, "pushed_at": at,
        "permissions": {"admin": False, "push": True, "pull": True},
        "allow_merge_commit": "merge" in repo.merge_methods,
        "allow_squash_merge": "squash" in repo.merge_methods,
        "allow_rebase_merge": "rebase" in repo.merge_methods,
    })
    shown.update({f"has_{name}": True for name in ("issues", "projects", "downloads")})
    shown.update({f"has_{name}": False for name in ("wiki", "pages", "discussions")})
    shown.update({name: 0 for name in ("forks", "forks_count", "open_issues", "open_issues_count",
                                       "stargazers_count", "watchers", "watchers_count",
                                       "network_count", "subscribers_count")})
    return shown


def integration(slug, app_id, base):
    at = "2020-01-01T00:00:00Z"
    return {"id": app_id, "slug": slug, "node_id": node_id("Integration", app_id),
            "owner": user("github", base), "name": slug, "description": None,
            "external_url": f"{WEB}/apps/{slug}", "html_url": f"{WEB}/apps/{slug}",
            "created_at": at, "updated_at": at,
            "permissions": {"checks": "write", "contents": "read", "metadata": "read"},
            "events": ["check_run", "check_suite"]}


def signature(author, ms):
    return {"name": author["name"], "email": author["email"], "date": iso(ms)}


VERIFICATION = {"verified": False, "reason": "unsigned", "signature": None, "payload": None,
                "verified_at": None}


def simple_commit(repo, sha, now_ms=0):
    """The head commit in a run or a push."""
    found = repo.git.known_commit(sha, now_ms)
    author = {"name": found["author"]["name"], "email": found["author"]["email"]}
    return {"id": sha, "tree_id": found["tree"], "message": found["message"],
            "timestamp": iso(found["ms"]), "author": author, "committer": dict(author)}


def git_commit(repo, sha, base):
    """A commit of the git data API."""
    found = repo.git.known_commit(sha)
    url = f"{base}/repos/{repo.full_name}/git"
    web = f"{WEB}/{repo.full_name}/commit"
    return {
        "sha": sha, "node_id": node_id("Commit", sha), "url": f"{url}/commits/{sha}",
        "html_url": f"{web}/{sha}", "message": found["message"],
        "author": signature(found["author"], found["ms"]),
        "committer": signature(found["author"], found["ms"]),
        "tree": {"sha": found["tree"], "url": f"{url}/trees/{found['tree']}"},
        "parents": [{"sha": p, "url": f"{url}/commits/{p}", "html_url": f"{web}/{p}"}
                    for p in found["parents"]],
        "verification": VERIFICATION,
    }


def commit(repo, sha, base, files=False):
    """A commit of the repository's commits."""
    git = git_commit(repo, sha, base)
    url = f"{base}/repos/{repo.full_name}/commits/{sha}"
    login = git["author"]["name"]
    shown = {
        "url": url, "sha": sha, "node_id": git["node_id"], "html_url": git["html_url"],
        "comments_url": f"{url}/comments",
        "commit": {"url": git["url"], "author": git["author"], "committer": git["committer"],
                   "message": git["message"], "comment_count": 0, "tree": git["tree"],
                   "verification": VERIFICATION},
        "author": user(login, base), "committer": user(login, base),
        "parents": [dict(p, url=p["url"].replace("/git/commits/", "/commits/"))
                    for p in git["parents"]],
    }
    if files:
        parent = git["parents"][0]["sha"] if git["parents"] else None
        shown["files"] = diff(repo, parent, sha, base)
        shown["stats"] = {key: sum(f[name] for f in shown["files"]) for key, name in
                          (("additions", "additions"), ("deletions", "deletions"),
                           ("total", "changes"))}
    return shown


def diff(repo, old, new, base):
    shown = []
    for path, kind, was, now in repo.git.changes(old, new):
        less, more = (len((repo.git.get(b, "blob") or b"").splitlines()) if b else 0
                      for b in (was, now))
        shown.append({
            "sha": now or was, "filename": path, "status": kind, "additions": more,
            "deletions": less, "changes": more + less,
            "blob_url": f"{WEB}/{repo.full_name}/blob/{new}/{path}",
            "raw_url": f"{WEB}/{repo.full_name}/raw/{new}/{path}",
            "contents_url": f"{base}/repos/{repo.full_name}/contents/{path}?ref={new}"})
    return shown


def ref(repo, name, base):
    sha = repo.refs[name]
    kind = repo.git.kind(sha) or "commit"
    url = f"{base}/repos/{repo.full_name}/git"
    return {"ref": name, "node_id": node_id("Ref", name), "url": f"{url}/{name}",
            "object": {"sha": sha, "type": kind, "url": f"{url}/{kind}s/{sha}"}}
