"""GitHub Apps: a signed JWT buys a token of an installation, which lives an hour.

Scripted: {"apps": {client id: {id, slug, public_key | private_key (PEM), hook, installations:
[{id, account, repositories, permissions, limit, suspended}]}}}. Signatures are verified by the
openssl command; nothing here needs a module that Debian's Python lacks.
"""

import base64
import hashlib
import json
import subprocess
import tempfile

from github_standin.clock import iso
from github_standin.errors import ApiError, invalid, not_found
from github_standin.http_types import Answer, Router, permit
from github_standin.render import repository, user

router = Router()
HOUR_MS = 3600 * 1000
TEN_MINUTES_S = 600
LEVELS = {"read": 1, "write": 2, "admin": 3}
APP_KEYS = {"id", "slug", "public_key", "private_key", "hook", "installations"}
INSTALLATION_KEYS = {"id", "account", "repositories", "permissions", "limit", "suspended"}
ALL = {"actions": "write", "administration": "write", "checks": "write", "contents": "write",
       "deployments": "write", "issues": "write", "metadata": "read", "pull_requests": "write",
       "repository_hooks": "write", "statuses": "write", "workflows": "write"}


class GithubApp:
    def __init__(self, client_id, spec):
        self.client_id = client_id
        self.id = spec["id"]
        self.slug = spec.get("slug", f"app-{self.id}")
        self.hook_id = None
        key = spec.get("public_key")
        if key is None:
            key = openssl(["pkey", "-pubout"], spec["private_key"].encode()).decode()
        self.public_key = key
        self.installations = {i["id"]: i for i in spec.get("installations", [])}
        self.spec = spec

    def verifies(self, signed, signature):
        with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as sign:
            key.write(self.public_key.encode())
            key.flush()
            sign.write(signature)
            sign.flush()
            return subprocess.run(
                ["openssl", "dgst", "-sha256", "-verify", key.name, "-signature", sign.name],
                input=signed, capture_output=True, check=False, timeout=20).returncode == 0


def openssl(args, data=b""):
    done = subprocess.run(["openssl", *args], input=data, capture_output=True, check=False,
                          timeout=60)
    if done.returncode != 0:
        raise ApiError(422, f"openssl {args[0]}: {done.stderr.decode().strip()[:200]}")
    return done.stdout


def new_key(form="pkcs1"):
    """A private key in PEM: pkcs1 as GitHub hands it out, or pkcs8."""
    return openssl(["genrsa"] + (["-traditional"] if form == "pkcs1" else []) + ["2048"]).decode()


def add_app(world, client_id, spec):
    unknown = sorted(set(spec) - APP_KEYS)
    for installation in spec.get("installations", []):
        unknown += sorted(set(installation) - INSTALLATION_KEYS)
    if unknown or "id" not in spec or not {"public_key", "private_key"} & set(spec):
        raise ApiError(422, f"app {client_id}: id and public_key or private_key are needed; "
                            f"unknown {unknown}")
    world.apps[client_id] = GithubApp(client_id, spec)
    return world.apps[client_id]


def looks_like_jwt(token):
    return token.count(".") == 2 and token.startswith("ey")


def app_of_jwt(world, token):
    """The app that signed this JWT; 401 with GitHub's words for each thing that is wrong."""
    try:
        head, claims, sign = token.split(".")
        header, body = json.loads(_unbase64(head)), json.loads(_unbase64(claims))
        signature = _unbase64(sign)
    except (ValueError, TypeError):
        raise ApiError(401, "A JSON web token could not be decoded") from None
    if header.get("alg") != "RS256":
        raise ApiError(401, "A JSON web token could not be decoded")
    issuer = str(body.get("iss", ""))
    app = next((a for a in world.apps.values() if issuer in (a.client_id, str(a.id))), None)
    if app is None:
        raise ApiError(401, "'Issuer' claim ('iss') must be an Integer" if not issuer
                       else "Integration not found")
    _check_times(world, body)
    if not app.verifies(f"{head}.{claims}".encode(), signature):
        raise ApiError(401, "A JSON web token could not be decoded")
    return app


def _check_times(world, body):
    now, leeway = world.clock.now_ms() / 1000, world.config["jwt_leeway_s"]
    iat, exp = body.get("iat"), body.get("exp")
    if not isinstance(iat, int) or isinstance(iat, bool) or iat > now + leeway:
        raise ApiError(401, "'Issued at' claim ('iat') must be an Integer representing the time "
                            "that the assertion was issued")
    if not isinstance(exp, int) or isinstance(exp, bool) or exp <= now - leeway:
        raise ApiError(401, "'Expiration time' claim ('exp') must be a numeric value representing "
                            "the future time at which the assertion expires")
    if exp > now + TEN_MINUTES_S + leeway:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")


@router.add("GET", "/app")
def get_app(world, request, **_):
    return Answer(200, _app(request.app, request.base))


@router.add("GET", "/app/installations")
def list_installations(world, request, **_):
    return Answer(200, [_installation(request.app, i, request.base)
                        for i in request.app.installations.values()])


@router.add("GET", "/app/installations/{installation}")
def get_installation(world, request, installation, **_):
    return Answer(200, _installation(request.app, _find(request.app, installation), request.base))


@router.add("GET", "/repos/{owner}/{repo}/installation")
def installation_of(world, request, repo, **_):
    for found in request.app.installations.values():
        if covers(found, repo):
            return Answer(200, _installation(request.app, found, request.base))
    raise not_found()


@router.add("POST", "/app/installations/{installation}/access_tokens")
def access_token(world, request, installation, **_):
    found, body = _find(request.app, installation), request.json()
    permit(body, ("repositories", "repository_ids", "permissions"))
    if found.get("suspended"):
        raise ApiError(403, "This installation has been suspended")
    names = _chosen(world, found, body)
    granted = dict(found.get("permissions", ALL))
    asked = body.get("permissions", granted)
    for name, level in asked.items():
        if LEVELS.get(level, 9) > LEVELS.get(granted.get(name), 0):
            raise invalid("The permissions requested are not granted to this installation.")
    granted = dict(asked, metadata="read")
    now = world.clock.now_ms()
    token = _token(request, world, request.app)
    world.installation_tokens[token] = {
        "login": f"{request.app.slug}[bot]", "installation": found["id"],
        "permissions": granted, "repositories": names, "expires_ms": now + HOUR_MS,
        "account": found.get("account"), "limit": found.get("limit")}
    shown = {"token": token, "expires_at": iso(now + HOUR_MS), "permissions": granted,
             "repository_selection": "all" if names is None else "selected"}
    if "repositories" in body or "repository_ids" in body:
        shown["repositories"] = [repository(world.repository(n), request.base)
                                 for n in names]
    return Answer(201, shown)


@router.add("GET", "/installation/repositories", changes=False)
def installation_repositories(world, request, **_):
    if not request.installation:
        raise ApiError(403, "You must authenticate with an installation access token in order to "
                            "list repositories for an installation.")
    found = [r for r in world.repositories.values() if covers(request.installation, r)]
    return Answer(200, {"total_count": len(found), "repository_selection": "selected",
                        "repositories": [repository(r, request.base) for r in found]})


@router.add("DELETE", "/installation/token", changes=False)
def revoke(world, request, **_):
    if world.installation_tokens.pop(request.token, None) is None:
        raise ApiError(403, "Resource not accessible by personal access token")
    return Answer(204)


def covers(installation, repo):
    names = installation.get("repositories")
    if names is not None:
        return repo.full_name in names
    return installation.get("account") in (None, repo.owner)


def _find(app, key):
    found = app.installations.get(int(key)) if key.isdigit() else None
    if found is None:
        raise not_found()
    return found


def _chosen(world, installation, body):
    """Full names of the repositories of a token; None: all that the installation covers."""
    covered = [r for r in world.repositories.values() if covers(installation, r)]
    wanted = [r for r in covered if r.name in body.get("repositories", [])
              or r.id in body.get("repository_ids", [])]
    count = len(body.get("repositories", [])) + len(body.get("repository_ids", []))
    if count > 500:
        raise invalid("Too many repositories: at most 500.")
    if len(wanted) < count:
        raise invalid("There is at least one repository that does not exist or is not accessible "
                      "to the parent installation.")
    return [r.full_name for r in wanted] if count else installation.get("repositories")


def _token(request, world, app):
    """`ghs_APPID_JWT` of about 520 characters, or on request the short form of old."""
    seed = f"{app.id}:{world.next_id()}"
    digest = hashlib.sha512(seed.encode())
    if request.headers.get("x-github-stateless-s2s-token") == "disabled":
        return "ghs_" + digest.hexdigest()[:36]
    now = int(world.clock.now_ms() // 1000)
    claims = {"iss": "github", "iat": now, "exp": now + 3600, "jti": digest.hexdigest()[:32]}
    sign = b"".join(hashlib.sha512(f"{seed}:{i}".encode()).digest() for i in range(4))
    parts = [json.dumps({"alg": "RS256", "typ": "JWT"}).encode(), json.dumps(claims).encode(), sign]
    return f"ghs_{app.id}_" + ".".join(_base64(p) for p in parts)


def _app(app, base):
    return {"id": app.id, "slug": app.slug, "client_id": app.client_id, "node_id": "A_1",
            "owner": user("kestra-io", base), "name": app.slug, "description": None,
            "external_url": "https://example.org", "html_url": f"https://github.com/apps/{app.slug}",
            "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
            "permissions": {"metadata": "read", "contents": "write"}, "events": ["workflow_run"],
            "installations_count": len(app.installations)}


def _installation(app, spec, base):
    at, number = "2020-01-01T00:00:00Z", spec["id"]
    url = f"{base}/app/installations/{number}"
    return {"id": number, "app_id": app.id, "app_slug": app.slug, "client_id": app.client_id,
            "target_id": 1, "target_type": "Organization", "account":
            user(spec.get("account") or "kestra-io", base), "single_file_name": None,
            "repository_selection": "all" if spec.get("repositories") is None else "selected",
            "access_tokens_url": f"{url}/access_tokens", "events": ["workflow_run"],
            "html_url": f"https://github.com/settings/installations/{number}",
            "repositories_url": f"{base}/installation/repositories",
            "permissions": spec.get("permissions", ALL), "created_at": at, "updated_at": at,
            "suspended_by": None, "suspended_at": None}


def _base64(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
