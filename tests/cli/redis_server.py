"""A real redis-server for a test, and schedulers whose truth is in it."""
import os
import re
import socket
import subprocess
import time

from binary import ClusterTest


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Redis:
    """A redis-server that writes what it answers to disk first."""

    def __init__(self, folder, *settings):
        self.port, self.folder = free_port(), folder
        self.settings = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "500mb", *settings]
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", *self.settings],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self.answers():
            assert time.monotonic() < deadline and self.process.poll() is None, "redis-server does not start"
            time.sleep(0.05)

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as one:
                one.sendall(b"PING\r\n")
                return one.recv(100)[:5] in (b"+PONG", b"-NOAU")
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def url(self, login=""):
        return f"redis://{login}127.0.0.1:{self.port}"


def ask(port, command):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        one.sendall(command.encode() + b"\r\n")
        return one.recv(4000).decode()


class Nodes:
    """A Redis Cluster of three masters."""

    def __init__(self, folder):
        self.servers = []
        buses = [free_port() for _ in range(3)]
        for i, bus in enumerate(buses):
            own = os.path.join(folder, f"node{i}")
            os.makedirs(own)
            self.servers.append(Redis(own, "--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "1000",
                                      "--cluster-require-full-coverage", "no"))
        for i, server in enumerate(self.servers):
            told = [ask(server.port, f"CLUSTER SET-CONFIG-EPOCH {i + 1}"),
                    ask(server.port, f"CLUSTER ADDSLOTSRANGE {16384 * i // 3} {16384 * (i + 1) // 3 - 1}")]
            if i > 0:
                told.append(ask(self.servers[0].port, f"CLUSTER MEET 127.0.0.1 {server.port} {buses[i]}"))
            assert all(answer == "+OK\r\n" for answer in told), told
        deadline = time.monotonic() + 30
        while not all(self.knows_all(server) for server in self.servers):
            assert time.monotonic() < deadline, "the nodes do not meet"
            time.sleep(0.05)

    @staticmethod
    def knows_all(server):
        told = ask(server.port, "CLUSTER INFO")
        return "cluster_state:ok" in told and "cluster_known_nodes:3" in told

    def kill(self):
        for server in self.servers:
            server.kill()

    def url(self, login=""):
        return f"redis+cluster://{login}" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)


class RedisTest(ClusterTest):
    def nodes(self):
        nodes = Nodes(self.folder)
        self.addCleanup(nodes.kill)
        return nodes

    def redis(self, *settings):
        folder = os.path.join(self.folder, "redis")
        os.makedirs(folder, exist_ok=True)
        redis = Redis(folder, *settings)
        self.addCleanup(redis.kill)
        return redis

    def scheduler_on(self, redis, *more, login="", again=None):
        """`again`: at the addresses of an earlier one."""
        grpc, queue = (again.server.split(":")[1], again.queue) if again else ("0", "tcp://127.0.0.1:0")
        service = self.serve("scheduler", "--storage", os.path.join(self.folder, "storage"), "--grpc-port", grpc, "--queue-endpoint", queue,
                             *more, HEADRACE_STORE=redis.url(login))
        self.ready(service)
        return service

    def ready(self, service):
        seen = service.wait_for(", store redis")
        service.server, service.queue = re.search(r"API (127\.0\.0\.1:\d+), workers (tcp://127\.0\.0\.1:\d+)", seen).groups()
