"""Three schedulers, four workers and a Redis as processes that can be killed, stopped and cut off.

Each process has a user of its own inside a network namespace of its own, so that its packets can be dropped; without the rights
for that nothing is cut off.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "tests", "data", "chaos")
INSIDE = "HEADRACE_CHAOS_INSIDE"
FIRST_USER = 61000
TASK_LEASE, PARTITION_LEASE = 4, 3


def enter_namespace():
    """Begins anew inside a network namespace; True when packets can be dropped there."""
    if os.environ.get(INSIDE):
        return os.environ[INSIDE] == "yes"
    tools = all(shutil.which(tool) for tool in ("unshare", "ip", "iptables", "setpriv"))
    probe = "ip link set lo up && iptables -A OUTPUT -m owner --uid-owner 60999 -j DROP"
    if os.geteuid() == 0 and tools and subprocess.run(["unshare", "--net", "sh", "-c", probe], capture_output=True).returncode == 0:
        os.environ[INSIDE] = "yes"
        os.execvp("unshare", ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", sys.executable, *sys.argv])
    os.environ[INSIDE] = "no"
    print("nothing is cut off: that needs root, unshare, ip, iptables and setpriv")
    return False


def free_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


class Node:
    def __init__(self, world, name, user, ports):
        self.world, self.name, self.user, self.ports = world, name, user, ports
        self.births, self.process = 0, None
        self.begun_hits = []  # (when, pid, until when it is away)
        self.hits = []  # [from, until] in which it was dead, stopped or cut off

    def start(self):
        self.births += 1
        program, command = self.world.command_of(self)
        prefix = ["setpriv", "--reuid", str(self.user), "--clear-groups"] if self.world.can_cut else []
        with open(os.path.join(self.world.folder, self.name + ".log"), "ab") as log:
            self.process = subprocess.Popen([*prefix, program, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.world.environment, start_new_session=True)

    def hit_as(self, owner):
        """When the process that is known as this owner was hit so that it cannot come back yet; its name holds its pid."""
        now = time.time()
        return [begun for begun, pid, until in self.begun_hits if f"-{pid}-" in owner and now <= until]

    def note_hit(self, away=None):
        self.begun_hits.append((time.time(), self.process.pid, time.time() + (away or 1e6)))


class World:
    def __init__(self, folder, binary, chance, can_cut):
        self.folder, self.binary, self.chance, self.can_cut = folder, binary, chance, can_cut
        os.chmod(folder, 0o777)
        self.effects = os.path.join(folder, "effects")
        for made in (self.effects, os.path.join(folder, "storage"), os.path.join(folder, "redis")):
            os.mkdir(made)
            os.chmod(made, 0o777)
        self.environment = dict(os.environ, CHAOS_EFFECTS=self.effects, HEADRACE_HTTP_PORT="off", HEADRACE_MANAGEMENT_PORT="off",
                                HEADRACE_STORAGE_DIR=os.path.join(folder, "storage"), HOME=folder, TMPDIR=folder,
                                CHAOS_MARK=os.path.join(DATA, "mark"), HEADRACE_CHAOS_NAME=os.path.basename(folder))
        self.nodes, user = {}, FIRST_USER
        for name in ("redis", "s1", "s2", "s3", "w1", "w2", "w3", "w4"):
            ports = [free_port() for _ in range(2 if name[0] == "s" else 1)]
            self.nodes[name] = Node(self, name, user, ports)
            user += 1
        self.schedulers = [self.nodes[name] for name in ("s1", "s2", "s3")]

    def command_of(self, node):
        if node.name == "redis":
            return "redis-server", ["--port", str(node.ports[0]), "--bind", "127.0.0.1", "--dir", os.path.join(self.folder, "redis"),
                                    "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "1gb"]
        if node.name[0] == "s":
            return self.binary, ["scheduler", "--store", f"redis://127.0.0.1:{self.nodes['redis'].ports[0]}", "--grpc-port",
                                 str(node.ports[0]), "--queue-endpoint", f"tcp://127.0.0.1:{node.ports[1]}", "--lease",
                                 f"PT{TASK_LEASE}S", "--partition-lease", f"{PARTITION_LEASE}s"]
        known = ",".join(f"tcp://127.0.0.1:{one.ports[1]}" for one in self.schedulers)
        return self.binary, ["worker", "--scheduler", known, "--slots", "6", "--id", f"{node.name}-{node.births}", "--work-dir",
                             os.path.join(self.folder, node.name)]

    def start(self):
        for node in self.nodes.values():
            node.start()
            if node.name == "redis":
                time.sleep(0.3)

    # ---- faults ----
    def kill(self, node, away):
        node.process.kill()
        node.process.wait()
        begun = time.time()
        time.sleep(away)
        node.start()
        node.hits.append([begun, time.time() + 0.5])
        self.await_user(node)

    def await_user(self, node):
        """Who is not its user yet cannot be stopped or cut off by it."""
        while self.can_cut and node.process.poll() is None and os.stat(f"/proc/{node.process.pid}").st_uid != node.user:
            time.sleep(0.005)

    def signal_group(self, node, signal):
        """Its tasks, too: a machine that is stopped stops with all that runs there."""
        for process in self.processes_of(node):
            try:
                os.kill(process, signal)
            except ProcessLookupError:
                pass

    def processes_of(self, node):
        if not self.can_cut:
            return [node.process.pid]
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.stat("/proc/" + entry).st_uid == node.user:
                    found.append(int(entry))
            except OSError:
                pass
        return found

    def strand(self, node, action):
        """Cuts a scheduler off from Redis alone."""
        rule = ["OUTPUT", "-m", "owner", "--uid-owner", str(node.user), "-p", "tcp", "--dport", str(self.nodes["redis"].ports[0])]
        subprocess.run(["iptables", "-w", action, *rule, "-j", "DROP"], check=True)

    def rules(self, node, action, both_ways):
        rules = [["OUTPUT", "-m", "owner", "--uid-owner", str(node.user)]]
        if both_ways:
            rules += [["INPUT", "-p", "tcp", "--dport", str(port)] for port in node.ports]
        for rule in rules:
            subprocess.run(["iptables", "-w", action, *rule, "-j", "DROP"], check=True)

    def owners(self):
        """Of each partition who took it last, as Redis has it; nothing while it does not answer."""
        asked = b"".join(b"*3\r\n$4\r\nHGET\r\n$%d\r\n%s\r\n$1\r\no\r\n" % (len(key), key)
                         for key in (b"{p%d}:p" % number for number in range(256)))
        try:
            with socket.create_connection(("127.0.0.1", self.nodes["redis"].ports[0]), timeout=2) as link:
                link.sendall(asked)
                with link.makefile("rb") as replies:
                    owners = {}
                    for number in range(256):
                        head = replies.readline()
                        if head[:1] == b"$" and head != b"$-1\r\n":
                            owners[number] = replies.read(int(head[1:]) + 2)[:-2].decode()
                    return owners
        except (OSError, ValueError):
            return {}

    # ---- the client ----
    def call(self, *arguments, seconds=90):
        """A command of the client to any scheduler, again while none answers."""
        deadline = time.monotonic() + seconds
        while True:
            server = f"127.0.0.1:{self.chance.choice(self.schedulers).ports[0]}"
            try:
                done = subprocess.run([self.binary, *arguments, "--server", server], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL, timeout=30)
                # 7: nobody answered, or it is not known whether it was done.
                if done.returncode != 7:
                    return done
                said = done.stderr
            except subprocess.TimeoutExpired:
                said = "no answer in 30 s"
            if time.monotonic() > deadline:
                raise RuntimeError(f"no answer to {arguments}: {said}")
            time.sleep(0.2)

    def json(self, *arguments):
        done = self.call(*arguments, "-o", "json")
        if done.returncode != 0:
            raise RuntimeError(f"{arguments}: exit {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def stop(self):
        for node in self.nodes.values():
            if node.name != "redis" and node.process:
                node.process.terminate()
        for node in [*self.nodes.values()][::-1]:
            if not node.process:
                continue
            try:
                if node.name == "redis":
                    node.process.terminate()
                node.process.wait(20)
            except subprocess.TimeoutExpired:
                node.process.kill()
                node.process.wait()

    def left_over(self):
        mark = f"HEADRACE_CHAOS_NAME={os.path.basename(self.folder)}".encode()
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as file, open(f"/proc/{entry}/cmdline", "rb") as line:
                    if mark in file.read().split(b"\0"):
                        found.append((int(entry), line.read().replace(b"\0", b" ").decode(errors="replace")))
            except OSError:
                pass
        return found
