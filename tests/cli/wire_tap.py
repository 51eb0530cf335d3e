"""A TCP proxy on loopback that keeps every byte that passes, and can hold back what would pass."""
import contextlib
import socket
import threading


class Tap:
    """Listens at once; `target` may be set later, before anybody connects."""

    def __init__(self, target=None):
        self.target, self.bytes, self.opened = target, bytearray(), 0
        self.flowing = threading.Event()
        self.flowing.set()
        self.lock = threading.Lock()
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                here, _ = self.listener.accept()
                self.opened += 1
                try:
                    there = socket.create_connection(self.target)
                except OSError:
                    here.close()
                    continue
                self.sockets += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    def carry(self, one, other):
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                with self.lock:
                    self.bytes += piece
                self.flowing.wait()
                other.sendall(piece)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def seen(self):
        with self.lock:
            return bytes(self.bytes)

    def close(self):
        self.flowing.set()
        for one in [self.listener, *self.sockets]:
            with contextlib.suppress(OSError):
                one.close()
