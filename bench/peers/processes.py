"""Processes of a comparison: a Redis with an append-only file, the two sides on it, and what each takes of the processors."""
import json
import os
import shutil
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Process:
    """One that is ended with this object; `name` is what its processor time goes under."""

    def __init__(self, name, command, folder, environment=None, talks=False):
        self.name = name
        self.log = os.path.join(folder, f"{name}.log")
        with open(self.log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE if talks else subprocess.DEVNULL, stdout=subprocess.PIPE if talks else log,
                                             stderr=log, text=True, env=dict(os.environ, **(environment or {})))

    @property
    def pid(self):
        return self._process.pid

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def hear(self):
        """The next line of one that talks, as JSON."""
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: {self.said()[-2000:]}")
        return json.loads(line)

    def tell(self, **order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self.hear()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, words, seconds=60):
        """The line of its log that has these words."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.said().splitlines():
                if words in line:
                    return line
            if self._process.poll() is not None:
                break
            time.sleep(0.002)
        raise RuntimeError(f"{self.name} does not say '{words}': {self.said()[-2000:]}")

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop(self, seconds=120):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()


class Redis(Process):
    def __init__(self, folder):
        if not shutil.which("redis-server"):
            raise RuntimeError("redis-server is missing (Debian's package redis-server)")
        self.port = free_port()
        data = os.path.join(folder, "redis")
        os.makedirs(data, exist_ok=True)
        # The file is not rewritten meanwhile: a rewrite would fall on one side and not on the other.
        super().__init__("redis-server", ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", data, "--save", "", "--appendonly", "yes",
                                          "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction"], folder)
        self.wait_for("Ready to accept connections")
        self.url = f"redis://127.0.0.1:{self.port}"

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, check=True).stdout

    def info(self):
        return dict(line.split(":", 1) for line in self.ask("INFO", "everything").splitlines() if ":" in line)

    def stored_bytes(self, info=None):
        """What the keys take, without the buffers of clients and files."""
        info = info or self.info()
        return int(info["used_memory"]) - sum(int(info.get(name, 0)) for name in (
            "mem_clients_normal", "mem_clients_slaves", "mem_aof_buffer", "mem_replication_backlog"))


class BullMq:
    name = "BullMQ"

    def __init__(self, redis, options, folder):
        environment = {"PEERS_REDIS": redis.url, "PEERS_SLOTS": str(options.slots), "NODE_ENV": "production"}
        script = os.path.join(options.packages, "bullmq.mjs")
        self.worker = Process("worker", ["node", script, "worker"], folder, environment, talks=True)
        self.processes = [self.worker]
        self.worker.hear()
        self.client = Process("client", ["node", script, "client"], folder, environment, talks=True)
        self.processes.append(self.client)
        self.client.hear()

    def close(self):
        for process in reversed(self.processes):
            process.stop()


class Headrace:
    """A scheduler on this Redis, or on a file of its own where there is none, a worker and a client."""
    name = "headrace"

    def __init__(self, redis, options, folder, deploy=True):
        self.processes, self.began = [], time.monotonic()
        files = os.path.join(folder, "files")
        settings = {"HEADRACE_LOG_LEVEL": "warn", **({"HEADRACE_STORE": redis.url} if redis else {"HEADRACE_DATA": os.path.join(folder, "data")})}
        self.scheduler = self._start("scheduler", [
            options.binary, "scheduler", "--storage", files, "--port", "off", "--management-port", "0", "--grpc-port", "0",
            "--queue-endpoint", "tcp://127.0.0.1:0"], folder, settings)
        words = self.scheduler.wait_for("is ready").replace(",", "").split()
        self.ready_seconds = time.monotonic() - self.began
        at = {name: words[words.index(name) + 1] for name in ("API", "workers", "management")}
        self.worker = self._start("worker", [
            options.binary, "worker", "--scheduler", at["workers"], "--slots", str(options.slots), "--work-dir", os.path.join(folder, "work"),
            "--storage", files], folder, {"HEADRACE_LOG_LEVEL": "warn"})
        self.client = self._start("client", ["node", os.path.join(options.packages, "headrace.mjs")], folder, {
            "PEERS_API": at["API"], "PEERS_METRICS": at["management"], "PEERS_PROTO": os.path.join(ROOT, "proto"), "NODE_ENV": "production",
            "PEERS_FLOWS": str(getattr(options, "flows", 1))}, talks=True)
        self.client.hear()
        if deploy:
            self.client.tell(order="deploy", count=0)

    def _start(self, name, command, folder, environment, talks=False):
        try:
            self.processes.append(Process(name, command, folder, environment, talks))
        except OSError as error:
            self.close()
            raise RuntimeError(f"{command[0]}: {error.strerror}") from error
        return self.processes[-1]

    def close(self):
        for process in reversed(self.processes):
            process.stop()
