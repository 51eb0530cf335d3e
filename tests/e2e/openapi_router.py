"""Behind a Prism that serves several stand-ins: hands each request to the one that its door has named.

client -> Front -> Prism (validates) -> Router -> the stand-in of header X-Standin. Threads: one a connection.
"""

import http.client
import http.server
import threading

from openapi_proxy import CUT, STANDIN_HEADER, Relay, ask


class Router:
    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self.place = ("127.0.0.1", self._server.server_port)
        self.url = "http://{}:{}".format(*self.place)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(Relay):
    def forward(self, method, target, headers, body):
        standin = next(v for k, v in headers.items() if k.lower() == STANDIN_HEADER.lower())
        host, _, port = standin.rpartition(":")
        try:
            return ask((host, int(port)), method, target, {k: v for k, v in headers.items() if v != standin}, body)
        except (OSError, http.client.HTTPException):
            # Prism would make an answer of it; the door closes the connection, as the stand-in did.
            return 599, [(CUT, "1")], b""
