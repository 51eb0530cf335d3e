"""Short-lived downloads on another host: what a 302 of artifacts, logs and assets leads to.

Like the real ones they know no API: an Authorization header is refused, and the link dies.
"""

import secrets

from github_standin.http_types import Answer

PREFIX = "/_blob/"


def link(world, request, data, content_type):
    """302 to a link that holds for blob_ms."""
    key = secrets.token_hex(16)
    world.blobs[key] = (data, content_type, world.clock.now_ms() + world.config["blob_ms"])
    scheme, _, rest = request.base.partition("://")
    host, colon, port = rest.split("/")[0].partition(":")
    other = world.config["blob_host"] if host != world.config["blob_host"] else "127.0.0.1"
    return Answer(302, headers={
        "Location": f"{scheme}://{other}{colon}{port}{PREFIX}{key}?sig=x%2Fy"})


def serve(world, request):
    """The answer of the other host."""
    found = world.blobs.get(request.path[len(PREFIX):])
    if "authorization" in request.headers:
        return _error(400, "InvalidAuthenticationInfo")
    if request.method not in ("GET", "HEAD") or found is None:
        return _error(404, "ResourceNotFound")
    data, content_type, end_ms = found
    if world.clock.now_ms() > end_ms:
        return _error(403, "AuthenticationFailed")
    return Answer(200, raw=data, headers={"Content-Type": content_type})


def _error(status, code):
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code></Error>'
    return Answer(status, raw=text.encode(), headers={"Content-Type": "application/xml"})
