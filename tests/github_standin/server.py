"""The sockets: HTTP/1.1 with keep-alive over loopback TCP and over a unix socket.

Threads: one a connection; App.handle serialises.
"""

import gzip
import http.server
import os
import socket
import socketserver
import ssl
import struct
import threading

from github_standin.app import Reset
from github_standin.http_types import Request

GZIP_FROM = 1024  # shorter answers are not compressed
BODY_MAX = 32 * 1024 * 1024


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "github.com"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # one write an answer
    app = None  # set by serve
    scheme = "http"

    def setup(self):
        if self.request.family == socket.AF_UNIX:
            self.disable_nagle_algorithm = False
        super().setup()

    def _answer(self):
        body = self._body()
        if body is None:
            self.close_connection = True
            self.send_error(413)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = self.app.handle(Request(self.command, self.path, headers, body,
                                             self.scheme))
        except Reset:
            self._reset()
            return
        if (len(answer.raw) > GZIP_FROM and "gzip" in headers.get("accept-encoding", "")
                and "json" in answer.headers.get("Content-Type", "")):
            answer.raw = gzip.compress(answer.raw, 1, mtime=0)
            answer.headers["Content-Encoding"] = "gzip"
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.raw)))
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            if answer.cut:
                self.wfile.write(answer.raw[:len(answer.raw) // 2])
                self.wfile.flush()
                self._reset()
                return
            self.wfile.write(answer.raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

    def _body(self):
        """The request's body, by length or in chunks; None if it is too long."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length") or 0)
            return self.rfile.read(length) if length <= BODY_MAX else None
        parts, size = [], 0
        while True:
            length = int(self.rfile.readline().split(b";")[0], 16)
            size += length
            if size > BODY_MAX:
                return None
            parts.append(self.rfile.read(length))
            self.rfile.readline()
            if length == 0:
                return b"".join(parts)

    def date_time_string(self, timestamp=None):
        """The Date header tells the stand-in's time."""
        if timestamp is None:
            timestamp = self.app.world.clock.now_ms() / 1000
        return super().date_time_string(timestamp)

    def _reset(self):
        if self.connection.family != socket.AF_UNIX:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def address_string(self):
        return "peer"

    def log_message(self, *args):
        pass


class _Tcp(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def server_bind(self):  # HTTPServer's asks the resolver for a name, which is slow offline
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def shutdown_request(self, request):
        if request.fileno() != -1:
            super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass  # a client that hung up is no event


class _Unix(_Tcp):
    address_family = socket.AF_UNIX

    def server_bind(self):
        if os.path.exists(self.server_address):
            os.unlink(self.server_address)
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", 80

    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)


def serve(app, port=None, path=None, tls=None):
    """Starts to listen on 127.0.0.1:`port` (0: any) and/or on the unix socket `path`, and with
    `tls` (port, certificate file, key file) on a third door with TLS.

    Returns the servers; each serves on a thread of its own until its shutdown().
    """
    servers = []
    handler = type("BoundHandler", (Handler,), {"app": app})
    if port is not None:
        servers.append(_Tcp(("127.0.0.1", port), handler))
        app.world.base = f"http://127.0.0.1:{servers[0].server_port}"
    if path is not None:
        servers.append(_Unix(path, handler))
    if tls is not None:
        server = _Tcp(("127.0.0.1", tls[0]), type("TlsHandler", (handler,), {"scheme": "https"}))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls[1], tls[2])
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
        servers.append(server)
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()
    return servers
