"""Who calls: the token or the App's JWT, what it may see, what it may change."""

import base64
import hashlib

from github_standin import app_auth, permissions
from github_standin.errors import ApiError, not_found


def token_of(headers):
    """The token of `Authorization: Bearer T`, `token T` or Basic; None if there is none."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    scheme, rest = scheme.lower(), rest.strip()
    if scheme in ("bearer", "token") and rest:
        return rest
    if scheme == "basic":
        try:
            return base64.b64decode(rest).decode().partition(":")[2] or None
        except ValueError:
            return None
    return None


def fingerprint(token):
    """What the log may say of a token."""
    return hashlib.sha256(token.encode()).hexdigest()[:8] if token else None


def needs_jwt(path):
    parts = path.strip("/").split("/")
    return parts[0] == "app" or (parts[0] == "repos" and parts[3:] == ["installation"])


def authenticate(world, request):
    """Sets token and login, app or installation; 401 for a wrong token, or for none if needed."""
    config = world.config
    if "authorization" in request.headers:
        request.token = token_of(request.headers)
        if request.token is None:
            raise ApiError(401, "Bad credentials")
    elif config["auth"] == "required" or request.method not in ("GET", "HEAD"):
        raise ApiError(401, "Requires authentication")
    if needs_jwt(request.path):
        request.app = app_auth.app_of_jwt(world, request.token or "")
        return
    if request.token and app_auth.looks_like_jwt(request.token):
        raise ApiError(401, "Bad credentials")
    found = world.installation_tokens.get(request.token)
    if found:
        if world.clock.now_ms() >= found["expires_ms"]:
            raise ApiError(401, "Bad credentials")
        request.installation, request.login = found, found["login"]
        return
    wrong = config["tokens"] and request.token not in config["tokens"]
    if request.token and (wrong or (world.apps and request.token.startswith("ghs_"))):
        raise ApiError(401, "Bad credentials")
    known = config["tokens"].get(request.token, {})
    request.login = known.get("login", "octocat" if request.token else None)


def quota_key(world, request):
    """Whose quota is used: an installation's, a user's (all tokens of a login), or the token's."""
    if request.app:
        return f"app:{request.app.id}", None
    if request.installation:
        return f"installation:{request.installation['installation']}", request.installation["limit"]
    known = world.config["tokens"].get(request.token, {})
    if "login" in known:
        return f"login:{known['login']}", known.get("limit")
    return request.token, known.get("limit")


def may_see(world, request, repo):
    """404, never 403, for what a token may not even know of."""
    if request.app:
        return
    if request.installation:
        if not app_auth.covers(request.installation, repo):
            raise not_found()
        return
    allowed = world.config["tokens"].get(request.token, {}).get("repositories")
    if (repo.private and not request.token) or (allowed is not None
                                                and repo.full_name not in allowed):
        raise not_found()


def may_act(world, request, path, writes):
    """403 for what the token's permissions leave out."""
    if request.app:
        return
    if request.installation:
        permissions.check(request.installation["permissions"], "integration", request.method, path)
        return
    known = world.config["tokens"].get(request.token, {})
    if "permissions" in known:
        permissions.check(known["permissions"], "personal access token", request.method, path)
    elif writes and known.get("permission", "write") != "write":
        raise ApiError(403, "Resource not accessible by personal access token")
