"""A request and an answer as plain values, and the table that leads from a path to its handler."""

import json
import urllib.parse

from github_standin.errors import ApiError, invalid, not_found


class Request:
    def __init__(self, method, target, headers, body, scheme="http"):
        self.method = method
        path, _, query = target.partition("?")
        self.base = f"{scheme}://" + headers.get("host", "localhost")
        for prefix in ("/api/v3", "/api"):  # GitHub Enterprise Server: /api/v3/..., /api/graphql
            if path.startswith(prefix + "/"):
                path = path[len(prefix):]
                self.base += "/api/v3" if prefix == "/api/v3" else ""
                break
        self.path = path
        self.raw_query = query
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.headers = headers  # lower-case names
        self.body = body
        self.token = None  # set by auth
        self.login = None
        self.app = None  # the App whose JWT this is
        self.installation = None  # what an installation's token stands for

    def json(self):
        """The body as an object; an empty body is an empty object."""
        if not self.body:
            return {}
        try:
            value = json.loads(self.body)
        except ValueError:
            raise ApiError(400, "Problems parsing JSON") from None
        if not isinstance(value, dict):
            raise ApiError(400, "Body should be a JSON object")
        return value

    def number(self, name, default, most):
        text = self.query.get(name, "")
        return max(1, min(int(text), most)) if text.isdigit() else default


class Answer:
    def __init__(self, status, body=None, headers=None, raw=None):
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        self.raw = raw  # bytes instead of JSON
        self.cut = False  # the connection ends in the midst of it


class Router:
    """Patterns as `/repos/{owner}/{repo}/git/ref/{ref...}`; `{x...}` takes the rest of the path.

    Segments are matched before they are decoded: `%2F` inside one segment is no separator, but
    the rest of a path takes both forms.
    """

    def __init__(self):
        self._routes = []

    def add(self, method, pattern, creates=False, changes=None):
        """Decorator. creates: counts as content creation; changes: needs a writing token."""
        def register(handler):
            writes = method not in ("GET", "HEAD") if changes is None else changes
            self._routes.append((method, pattern.strip("/").split("/"), handler, creates, writes))
            return handler
        return register

    def extend(self, other):
        self._routes.extend(other._routes)

    def find(self, method, path):
        """(handler, arguments, creates, writes, pattern); 404 if the path is unknown."""
        parts = path.strip("/").split("/")
        for route_method, pattern, handler, creates, writes in self._routes:
            if route_method == ("GET" if method == "HEAD" else method):
                found = _match(pattern, parts)
                if found is not None:
                    return handler, found, creates, writes, "/" + "/".join(pattern)
        raise not_found()


def _match(pattern, parts):
    found = {}
    for index, wanted in enumerate(pattern):
        if wanted.endswith("...}"):
            if len(parts) <= index:
                return None
            found[wanted[1:-4]] = urllib.parse.unquote("/".join(parts[index:]))
            return found
        if len(parts) <= index:
            return None
        if wanted.startswith("{"):
            found[wanted[1:-1]] = urllib.parse.unquote(parts[index])
        elif wanted != parts[index]:
            return None
    return found if len(parts) == len(pattern) else None


def paginate(request, items, repo_path):
    """(the page, headers): `Link` holds opaque absolute URLs under /repositories/{id}, as GitHub's."""
    per_page = request.number("per_page", 30, 100)
    page = request.number("page", 1, 10**6)
    last = max(1, -(-len(items) // per_page))

    def url(number):
        query = dict(request.query, per_page=str(per_page), page=str(number))
        return f"<{request.base}{repo_path}?{urllib.parse.urlencode(query)}>"

    links = []
    if page > 1:
        links += [f'{url(page - 1)}; rel="prev"', f'{url(1)}; rel="first"']
    if page < last:
        links += [f'{url(page + 1)}; rel="next"', f'{url(last)}; rel="last"']
    chosen = items[(page - 1) * per_page:page * per_page]
    return chosen, {"Link": ", ".join(links)} if links else {}


def permit(body, known):
    """422 for a key that GitHub does not know there."""
    extra = sorted(set(body) - set(known))
    if extra:
        raise invalid(f"Invalid request.\n\n{', '.join(extra)} is not a permitted key.")


def wanted(body, name, kind=str):
    """The value of a key that must be there; 422 if it is not, or of another type."""
    if name not in body or body[name] is None or body[name] == "":
        raise invalid(f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    if not isinstance(body[name], kind):
        raise invalid(f"Invalid request.\n\nFor 'properties/{name}', {body[name]!r} is not of "
                      "the right type.")
    return body[name]
