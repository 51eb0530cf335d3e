"""Who calls: the token, what it may see, what it may change."""

import base64
import hashlib

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


def authenticate(config, request):
    """Sets token and login; 401 for a wrong token, or for none where one is needed."""
    if "authorization" in request.headers:
        request.token = token_of(request.headers)
        if request.token is None or (config["tokens"] and request.token not in config["tokens"]):
            raise ApiError(401, "Bad credentials")
    elif config["auth"] == "required" or request.method not in ("GET", "HEAD"):
        raise ApiError(401, "Requires authentication")
    known = config["tokens"].get(request.token, {})
    request.login = known.get("login", "octocat" if request.token else None)


def may_see(config, request, repo):
    """404, never 403, for what a token may not even know of."""
    allowed = config["tokens"].get(request.token, {}).get("repositories")
    if (repo.private and not request.token) or (allowed is not None
                                                and repo.full_name not in allowed):
        raise not_found()


def may_write(config, request):
    if config["tokens"].get(request.token, {}).get("permission", "write") != "write":
        raise ApiError(403, "Resource not accessible by personal access token")
