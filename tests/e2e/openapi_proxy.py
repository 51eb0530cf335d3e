"""A door before Prism: notes what it finds wrong, and lets through what GitHub's description leaves out.

client -> Front -> Prism (validates) -> stand-in, or a router to several (openapi_router.py).
Threads: one a connection; `violations` is appended to.
"""

import http.client
import http.server
import json
import re
import threading
import urllib.parse

# Not in the description of the API's host: sent to the stand-in as they are.
OUTSIDE = ("/_admin", "/_blob", "/graphql", "/uploads", "/api/")
# Prism follows a redirect instead of handing it on.
REDIRECTS = re.compile(r"/logs$|/artifacts/\d+/zip$")
# One parameter there, the rest of the path here.
WHOLE = re.compile(r"^(/repos/[^/]+/[^/]+/(?:git/refs?|git/matching-refs|contents|branches|"
                   r"releases/tags|compare))/(.+)$")
# May be the answer to any request, documented there or not.
ANYWHERE = (304, 301, 307, 400, 401, 403, 404, 422, 429)
HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "sl-violations")
# Which stand-in is meant, and an answer that says: it has cut the connection.
STANDIN_HEADER, CUT = "X-Standin", "X-Standin-Cut"


class Front:
    def __init__(self, prism, standin, port=0, router=None, newer=None):
        """`prism`, `standin`, `router`: (host, port); `newer`: Prisms for later versions of the API, by their names."""
        self.violations = []  # (request line, status, place, message)
        self.count = 0
        self.outside = 0  # requests of the API that went past Prism
        self.unknown = []
        self._prism, self._standin = prism, standin
        self._newer = newer or {}
        self._inside = [place for place in (prism, standin, router, *self._newer.values()) if place]
        self._names = {}
        handler = type("Bound", (Relay,), {"forward": lambda _, *request: self.forward(*request)})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def forward(self, method, target, headers, body):
        """(status, headers, body), with URLs that lead here again."""
        path = self._named(target)
        checked = not path.startswith(OUTSIDE) and not REDIRECTS.search(path)
        found = WHOLE.match(path.partition("?")[0])
        if checked and found:
            rest = urllib.parse.quote(urllib.parse.unquote(found.group(2)), safe="")
            path = f"{found.group(1)}/{rest}" + path[len(found.group(0)):]
        if checked:
            headers = dict(headers, **{STANDIN_HEADER: "{}:{}".format(*self._standin)})
        version = next((v for k, v in headers.items() if k.lower() == "x-github-api-version"), None)
        prism = self._newer.get(version, self._prism)
        status, answered, raw = ask(prism if checked else self._standin, method, path, headers, body)
        if checked:
            self.count += 1
            if any(name.lower() == CUT.lower() for name, _ in answered):
                raise ConnectionResetError("the stand-in has cut the connection")
            self._note(f"{method} {target}", status, dict(answered).get("sl-violations"))
        elif not path.startswith(("/_admin", "/_blob")):
            self.outside += 1
        mine = self.url[7:].encode()
        for host in ("{}:{}".format(*place).encode() for place in self._inside):
            raw = raw.replace(b"http://" + host, b"http://" + mine)
            answered = [(k, v.replace("http://" + host.decode(), self.url)) for k, v in answered]
        return status, answered, raw

    def _named(self, target):
        """/repositories/{id}/… is /repos/{owner}/{repo}/…, which the description knows."""
        found = re.match(r"^/repositories/(\d+)(.*)$", target)
        if not found:
            return target
        number = found.group(1)
        if number not in self._names:
            _, _, raw = ask(self._standin, "GET", f"/repositories/{number}",
                             {"User-Agent": "check-openapi", "Authorization": "token probe"}, b"")
            self._names[number] = json.loads(raw).get("full_name")
        return f"/repos/{self._names[number]}{found.group(2)}" if self._names[number] else target

    def _note(self, request, status, header):
        for one in json.loads(header or "[]"):
            place = ".".join(str(part) for part in one.get("location", []))
            message = one.get("message", "")
            if "Selected route not found" in message:
                self.unknown.append(request)
            unlisted = "Unable to match the returned status code" in message
            if unlisted and (status in ANYWHERE or status >= 500):
                continue
            if status >= 400 and "exactly one schema in oneOf" in message:
                continue  # an error that fits both kinds of error described
            if place.startswith("response") or not 400 <= status < 500:
                self.violations.append((request, status, place, message))


class Relay(http.server.BaseHTTPRequestHandler):
    """Hands each request on and brings the answer back; without an answer it closes the connection."""

    protocol_version = "HTTP/1.1"

    def forward(self, method, target, headers, body):
        """(status, headers, body); OSError or HTTPException: there is none."""
        raise NotImplementedError

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP + ("host", "accept-encoding")}
        try:
            self._say(*self.forward(self.command, self.path, headers, body))
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    def _say(self, status, answered, raw):
        self.send_response_only(status)
        for name, value in answered:
            if name.lower() not in HOP:
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

    def log_message(self, *args):
        pass


def ask(place, method, path, headers, body):
    link = http.client.HTTPConnection(*place, timeout=60)
    try:
        link.request(method, path, body or None, headers)
        answer = link.getresponse()
        return answer.status, list(answer.headers.items()), answer.read()
    finally:
        link.close()
