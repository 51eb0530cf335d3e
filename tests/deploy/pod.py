"""A pod as kubelet runs it, of bubblewrap: the containers that helm rendered, with their arguments, variables, volumes, probes, order of
start and end. A pod's containers share a network of their own in which only loopback is there; each has a read-only root.

Not here: images (the machine's /usr stands in, and the program under test), limits, other users (tools/image-check does that)."""
import os
import re
import signal
import subprocess
import time

PATIENCE = 60
_ETC = ("ssl", "passwd", "group", "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "nsswitch.conf", "protocols", "services")


class Network:
    """A network with loopback alone, kept open by a process that waits."""
    address = "127.0.0.1"

    def __init__(self, inside=()):
        # Those inside another one belong to the same user, who may plug them together.
        make = [*inside, "unshare", "--net"] if inside else ["unshare", "--net", "--map-root-user", "--user"]
        self._holder = subprocess.Popen([*make, "sh", "-c", "ip link set lo up && echo up && exec sleep 3600"], stdout=subprocess.PIPE, text=True)
        if self._holder.stdout.readline() != "up\n":
            raise OSError("no network namespace to be had")
        self.enter = ["nsenter", f"--target={self._holder.pid}", "--user", "--net", "--preserve-credentials", "--"]

    def run(self, *words):
        subprocess.run([*self.enter, *words], check=True, capture_output=True)

    def close(self):
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()


class Lan(Network):
    """A network that connects those of several pods; it has an address of its own."""
    address = "10.99.0.1"

    def __init__(self):
        super().__init__()
        self.run("ip", "link", "add", "br0", "type", "bridge")
        self.run("ip", "address", "add", "10.99.0.1/24", "dev", "br0")
        self.run("ip", "link", "set", "br0", "up")
        self._plugged = []

    def plug(self):
        pod = Network(self.enter)
        self._plugged.append(pod)
        number = len(self._plugged) + 1
        pod.address = f"10.99.0.{number}"
        self.run("ip", "link", "add", f"pod{number}", "type", "veth", "peer", "name", "eth0", "netns", str(pod._holder.pid))
        self.run("ip", "link", "set", f"pod{number}", "master", "br0", "up")
        pod.run("ip", "address", "add", f"{pod.address}/24", "dev", "eth0")
        pod.run("ip", "link", "set", "eth0", "up")
        return pod

    def close(self):
        for pod in self._plugged:
            pod.close()
        super().close()


def expand(text, env):
    return re.sub(r"\$\((\w+)\)", lambda match: env.get(match.group(1), match.group(0)), text)


class Container:
    def __init__(self, pod, spec):
        self.name, self._pod, self._spec = spec["name"], pod, spec
        self.env = {"PATH": "/opt/headrace:/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
        for source in spec.get("envFrom", []):
            self.env.update(pod.secrets[source["secretRef"]["name"]])
        for variable in spec.get("env", []):
            if "value" in variable:
                self.env[variable["name"]] = expand(str(variable["value"]), self.env)
            elif "fieldRef" in variable["valueFrom"]:
                self.env[variable["name"]] = {"metadata.name": pod.name, "status.podIP": pod.network.address}[variable["valueFrom"]["fieldRef"]["fieldPath"]]
            else:
                ref = variable["valueFrom"]["secretKeyRef"]
                self.env[variable["name"]] = pod.secrets[ref["name"]][ref["key"]]
        self.process, self._told = None, False
        self._log = os.path.join(pod.folder, f"log-{self.name}")

    def _inside(self, words):
        box = ["bwrap", "--die-with-parent", "--tmpfs", "/", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--dir", "/etc"]
        for name in ("bin", "sbin", "lib", "lib64"):
            box += ["--symlink", f"usr/{name}", f"/{name}"]
        for name in _ETC:
            box += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        box += ["--ro-bind", self._pod.hosts, "/etc/hosts", "--ro-bind", self._pod.program, "/opt/headrace/headrace"]
        for mount in sorted(self._spec.get("volumeMounts", []), key=lambda one: len(one["mountPath"])):
            source = os.path.join(self._pod.volume(mount["name"]), mount.get("subPath", ""))
            os.makedirs(source, exist_ok=True)
            box += ["--ro-bind" if mount.get("readOnly") else "--bind", source, mount["mountPath"]]
        box += ["--remount-ro", "/", "--chdir", "/", "--clearenv"]
        for key, value in self.env.items():
            box += ["--setenv", key, value]
        return [*self._pod.network.enter, *box, "--", *words]

    def start(self):
        self._told = False
        words = self._spec.get("command") or ["headrace"]
        words = [expand(word, self.env) for word in [*words, *self._spec.get("args", [])]]
        log = open(self._log, "a", encoding="utf-8")
        self.process = subprocess.Popen(self._inside(words), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()

    def run(self, *words, stdin=""):
        return subprocess.run(self._inside(words), input=stdin, capture_output=True, text=True)

    def log(self):
        with open(self._log, encoding="utf-8") as file:
            return file.read()

    def wait_for(self, probe, patience=PATIENCE):
        """Until the probe of this name holds; containers without one are ready when they run."""
        if f"{probe}Probe" not in self._spec:
            return
        until = time.monotonic() + patience
        while (got := self._probe(self._spec[f"{probe}Probe"])).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{self.name}: {probe}: {got.stdout}{got.stderr}\n{self.log()}")
            time.sleep(0.1)

    def _probe(self, probe):
        if "exec" in probe:
            return self.run(*probe["exec"]["command"])
        # kubelet asks the pod's address.
        kind = "httpGet" if "httpGet" in probe else "tcpSocket"
        port = next(port["containerPort"] for port in self._spec["ports"] if port["name"] == probe[kind]["port"])
        if kind == "tcpSocket":
            return subprocess.run([*self._pod.network.enter, "bash", "-c", f"exec 3<>/dev/tcp/{self._pod.network.address}/{port}"], capture_output=True, text=True)
        return subprocess.run([*self._pod.network.enter, "curl", "-fsS", "--noproxy", "*", "--max-time", "4",
                               f"http://{self._pod.network.address}:{port}{probe['httpGet']['path']}"], capture_output=True, text=True)

    def terminate(self, number=signal.SIGTERM):
        """To the program, the first child of bwrap: bwrap itself passes nothing on. SIGTERM comes once."""
        if self._told and number == signal.SIGTERM:
            return
        self._told = number == signal.SIGTERM
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        for child in children or [str(self.process.pid)]:
            os.kill(int(child), number)

    def end(self):
        return self.process.wait(PATIENCE)


class Pod:
    """folder: of its volumes and logs. hosts: names of this pod, or {name: address}. secrets: {name: {key: text}}, as variables and as files. shared: {volume: folder}, a claim of several pods."""

    def __init__(self, name, spec, folder, program, secrets=None, network=None, hosts=(), shared=None, configs=None):
        self.name, self.spec, self.folder, self.program = name, spec, folder, os.path.abspath(program)
        self.secrets, self._configs, self._shared = secrets or {}, configs or {}, shared or {}
        self._own_network = network is None
        os.makedirs(folder)
        self.hosts = os.path.join(folder, "hosts")
        with open(self.hosts, "w", encoding="ascii") as file:
            known = hosts if isinstance(hosts, dict) else dict.fromkeys(hosts, "127.0.0.1")
            file.write("127.0.0.1 localhost\n" + "".join(f"{address} {host}\n" for host, address in known.items()))
        self.network = network or Network()
        self.before = [Container(self, one) for one in spec.get("initContainers", [])]
        self.containers = [Container(self, one) for one in spec["containers"]]

    def volume(self, name):
        if name in self._shared:
            return self._shared[name]
        path = os.path.join(self.folder, "volumes", name)
        if not os.path.isdir(path):
            os.makedirs(path)
            volume = next((one for one in self.spec.get("volumes", []) if one["name"] == name), {})
            files = {}
            if "secret" in volume:
                files = self.secrets[volume["secret"]["secretName"]]
                chosen = volume["secret"].get("items", [{"key": key, "path": key} for key in files])
                files = {one["path"]: files[one["key"]] for one in chosen}
            elif "configMap" in volume:
                files = self._configs[volume["configMap"]["name"]]
            # The files behind two links, as kubelet lays them.
            if files:
                os.mkdir(os.path.join(path, "..1"))
                os.symlink("..1", os.path.join(path, "..data"))
            for key, text in files.items():
                with open(os.path.join(path, "..1", key), "w", encoding="utf-8") as file:
                    file.write(text)
                    os.fchmod(file.fileno(), 0o440)
                os.symlink(os.path.join("..data", key), os.path.join(path, key))
        return path

    def container(self, name):
        return next(one for one in [*self.before, *self.containers] if one.name == name)

    def start(self):
        for one in self.before:
            one.start()
            one.wait_for("startup")
        for one in self.containers:
            one.start()
        for one in [*self.before, *self.containers]:
            for probe in ("startup", "liveness", "readiness"):
                one.wait_for(probe)
        return self

    def terminate(self):
        """SIGTERM to the containers, then to those that outlive them. Gives the exit codes by name."""
        codes = {}
        for group in (self.containers, list(reversed(self.before))):
            for one in group:
                if one.process.poll() is None:
                    one.terminate()
            codes.update({one.name: one.end() for one in group})
        return codes

    def close(self):
        for one in [*self.before, *self.containers]:
            if one.process and one.process.poll() is None:
                one.terminate(signal.SIGKILL)
                one.end()
        if self._own_network:
            self.network.close()
