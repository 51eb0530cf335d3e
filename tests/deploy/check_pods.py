#!/usr/bin/env python3
"""The chart's pods started with the real program (pod.py): they become ready, run flows, keep what workers report while they drain; pods of
their own are let in by their keys alone; a Redis remembers.

usage: HEADRACE_BIN=… check_pods.py"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import laws
import metric_names
import tools
from pod import PATIENCE, Lan, Network, Pod

PROGRAM = os.environ.get("HEADRACE_BIN", "")
TOKEN, VIEWER, WORKER, PEER = "admin-token-0123456789", "viewer-token-0123456789", "worker-token-0123456789", "peer-token-012345678901"
SECRETS = {
    "headrace-tokens": {"tokens": f"{TOKEN} ops admin\n{VIEWER} prometheus viewer\n{WORKER} pools worker\n{PEER} schedulers scheduler\n"},
    "headrace-scheduler-token": {"scheduler": PEER},
    "headrace-worker-tokens": {"worker": WORKER},
    "headrace-github-hooks": {"secrets": "github a-long-secret-of-a-webhook\n"},
    "headrace-connections": {"connections.yaml": "connections:\n  github:\n    github:\n      token: \"{{ secret('GH') }}\"\n"},
    "headrace-encryption": {"key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
    "collector-login": {"headers": "authorization=Bearer collector-token-01"},
    "team-secrets": {"SECRET_COLOUR": "Ymx1ZQ=="},
    "build-secrets": {"SECRET_SHAPE": "cm91bmQ="},
}
FLOW = """
id: {id}
namespace: check
tasks:
  - id: write
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    outputFiles: [note.txt]
    env: {{COLOUR: "{{{{ secret('COLOUR') }}}}"}}
    commands: ['test "$COLOUR" = blue', "{pause}", echo written >note.txt]
  - id: read
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    {group}
    inputFiles: {{note.txt: "{{{{ outputs.write.outputFiles['note.txt'] }}}}"}}
    commands: [grep -qx written note.txt]
"""


def flow(name, pause="true", group=""):
    return FLOW.format(id=name, pause=pause, group=f"workerGroup: {{key: {group}}}" if group else "")


def workloads(values, sets=()):
    got = tools.template(os.path.join(tools.HERE, "values", f"{values}.yaml"), sets)
    found = tools.objects(got.stdout)
    configs = {one["metadata"]["name"]: one["data"] for one in found if one["kind"] == "ConfigMap"}
    return {one["metadata"]["name"]: spec for one, _, spec in laws.pods(found) if one["kind"] in laws.LONG_RUNNING}, configs


class PodCase(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.mkdtemp(prefix="headrace-pods-")
        self.addCleanup(shutil.rmtree, self._folder, ignore_errors=True)

    def pod(self, spec, name="headrace-0", folder=None, **more):
        made = Pod(name, spec, os.path.join(self._folder, folder or name), PROGRAM, secrets={**SECRETS, **more.pop("secrets", {})}, **more)
        self.addCleanup(made.close)
        return made

    def headrace(self, container, *words, stdin=""):
        until = time.monotonic() + PATIENCE
        # 7: nobody listens yet; a container runs before its API does.
        while (got := container.run("headrace", *words, stdin=stdin)).returncode == 7 and time.monotonic() < until:
            time.sleep(0.2)
        self.assertEqual(got.returncode, 0, f"{words}: {got.stdout}{got.stderr}{container.log()}")
        return got.stdout

    def wait_for_state(self, container, execution, *states):
        until = time.monotonic() + PATIENCE
        while (seen := json.loads(self.headrace(container, "exec", "get", execution, "-o", "json")))["state"]["current"] not in states:
            self.assertLess(time.monotonic(), until, seen)
            time.sleep(0.1)
        return seen


class Pods(PodCase):
    def test_nothing_said_runs_a_flow_and_ends_at_once(self):
        specs, _ = workloads("defaults")
        pod = self.pod(specs["test-headrace"]).start()
        headrace = pod.container("headrace")
        self.headrace(headrace, "flow", "apply", "-", stdin=flow("a").replace('env: {COLOUR: "{{ secret(\'COLOUR\') }}"}', "env: {COLOUR: blue}"))
        self.headrace(headrace, "exec", "start", "check/a", "--wait")
        self.assertEqual(pod.terminate(), {"headrace": 0})

    def test_http_with_tokens_and_flows_of_configmaps(self):
        specs, configs = workloads("http")
        texts = {"release.yaml": flow("release"), "nightly.yaml": flow("nightly")}
        pod = self.pod(specs["flows"], configs={**configs, "team-flows": texts}).start()
        headrace = pod.container("headrace")
        self.assertEqual(sorted(line.split("/")[-1] for line in self.headrace(headrace, "flow", "list", "-o", "name").split()), ["hello", "nightly", "release"])
        self.headrace(headrace, "exec", "start", "check/release", "--wait")
        curl = lambda path, *words: headrace.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *words, f"http://127.0.0.2:8080{path}").stdout
        self.assertEqual([curl("/health/ready"), curl("/metrics"), curl("/metrics", "-H", f"Authorization: Bearer {VIEWER}")], ["200", "401", "200"])
        metrics = headrace.run("curl", "-s", "-H", f"Authorization: Bearer {VIEWER}", "http://127.0.0.1:8081/metrics").stdout
        served = {name: kind for name, kind in re.findall(r"(?m)^# TYPE (\w+) (\w+)$", metrics)}
        told = {name: kind for name, (kind, _) in metric_names.told().items()}
        self.assertEqual({name: told.get(name) for name in served}, served, "docs/metrics.md says otherwise")
        self.assertIn("headrace_taskruns_total", served)
        self.assertEqual(pod.terminate(), {"headrace": 0})

    def test_pools_share_files_have_groups_and_secrets_of_their_own(self):
        specs, _ = workloads("pools")
        pod = self.pod(specs["test-headrace"]).start()
        headrace, general, build = (pod.container(name) for name in ("headrace", "worker-general", "worker-build"))
        self.assertNotIn("SECRET_COLOUR", headrace.env)
        self.assertEqual(("SECRET_SHAPE" in general.env, "SECRET_SHAPE" in build.env), (False, True))
        self.headrace(headrace, "flow", "apply", "-", stdin=flow("a", group="build"))
        self.headrace(headrace, "exec", "start", "check/a", "--wait")
        # A worker that is killed comes back under its name, as kubelet starts it again.
        build.terminate(9)
        build.end()
        build.start()
        build.wait_for("readiness")
        self.headrace(headrace, "exec", "start", "check/a", "--wait")
        # A worker's files are the storage alone, not the store.
        self.assertEqual(build.run("sh", "-c", "ls /data").stdout, "storage\n")

    def test_a_pod_that_ends_keeps_the_result_of_what_runs(self):
        specs, _ = workloads("pools")
        pod = self.pod(specs["test-headrace"]).start()
        headrace = pod.container("headrace")
        gate = os.path.join(pod.volume("tmp-general"), "gate")
        self.headrace(headrace, "flow", "apply", "-", stdin=flow("slow", pause="touch /tmp/began; while test ! -e /tmp/gate; do sleep 0.05; done"))
        execution = self.headrace(headrace, "exec", "start", "check/slow", "-o", "name").split("/")[-1].strip()
        until = time.monotonic() + PATIENCE
        while not os.path.exists(os.path.join(pod.volume("tmp-general"), "began")):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        # The task ends only after the workers were told to end.
        general = pod.container("worker-general")
        general.terminate()
        while "drains" not in general.log():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        with open(gate, "w", encoding="ascii"):
            pass
        self.assertEqual(set(pod.terminate().values()), {0})
        again = self.pod(specs["test-headrace"], folder="again", shared={"data": pod.volume("data")}).start()
        seen = self.wait_for_state(again.container("headrace"), execution, "SUCCESS")
        write = next(run for run in seen["taskRunList"] if run["taskId"] == "write")
        self.assertEqual([attempt["state"]["current"] for attempt in write["attempts"]], ["SUCCESS"])


def certificates(folder, *names):
    """A CA and one certificate for all names, as cert-manager lays them into a Secret."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test CA")
    openssl("req", *curve[:-2], "-keyout", "tls.key", "-out", "tls.csr", "-subj", f"/CN={names[0]}")
    with open(os.path.join(folder, "ext"), "w", encoding="ascii") as file:
        file.write("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
    openssl("x509", "-req", "-in", "tls.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", "tls.crt", "-extfile", "ext")
    texts = {}
    for name in ("tls.crt", "tls.key", "ca.crt"):
        with open(os.path.join(folder, name), encoding="ascii") as file:
            texts[name] = file.read()
    return texts


def key(folder, name):
    """(the file's text, the public part)"""
    path = os.path.join(folder, name)
    public = subprocess.run([PROGRAM, "keys", "new", path], check=True, capture_output=True, text=True).stdout.strip()
    with open(path, encoding="utf-8") as file:
        return file.read(), public


@unittest.skipUnless(shutil.which("openssl"), "openssl is missing")
class Cluster(PodCase):
    FULL = "test-headrace"
    API = f"{FULL}.{tools.NAMESPACE}.svc"
    QUEUE = f"{FULL}-queue.{tools.NAMESPACE}.svc"

    def keys(self, admitted=True):
        """Secrets with keys of the queue and the API's certificate."""
        keys = os.path.join(self._folder, "keys")
        os.makedirs(keys)
        own, public = key(keys, "scheduler")
        its, its_public = key(keys, "worker")
        _, other = key(keys, "other")
        return {"headrace-api": certificates(keys, self.API, "localhost", "redis.example"),
                "headrace-queue": {"key": own, "authorized": f"{its_public if admitted else other} pools\n"},
                "headrace-worker": {"key": its, "scheduler-key": f"public {public}\n"}}

    def claim(self):
        files = os.path.join(self._folder, "files")
        os.makedirs(files)
        return {"storage": files}

    def cluster(self, admitted=True):
        specs, _ = workloads("keda", ["secrets[0]=team-secrets"])
        network = Network()
        self.addCleanup(network.close)
        shared = {"secrets": self.keys(admitted), "network": network, "shared": self.claim(), "hosts": [self.API, self.QUEUE]}
        scheduler = self.pod(specs[self.FULL], **shared).start()
        return scheduler, self.pod(specs[f"{self.FULL}-worker-night"], name="worker-a", **shared)

    def as_admin(self, container, *words, stdin=""):
        got = container.run("env", f"HEADRACE_TOKEN={TOKEN}", "headrace", *words, stdin=stdin)
        self.assertEqual(got.returncode, 0, f"{words}: {got.stdout}{got.stderr}{container.log()}")
        return got.stdout

    def test_a_worker_pod_with_a_known_key_runs_flows_and_drains(self):
        scheduler, worker = self.cluster()
        worker.start()
        headrace = scheduler.container("headrace")
        self.assertNotEqual(headrace.run("headrace", "exec", "list").returncode, 0, "the API asks nobody")
        self.as_admin(headrace, "flow", "apply", "-", stdin=flow("a"))
        self.as_admin(headrace, "exec", "start", "check/a", "--wait")
        self.assertEqual(worker.terminate(), {"worker": 0})
        self.assertEqual(self.as_admin(headrace, "worker-pool", "list", "-o", "name").strip(), "")
        self.assertEqual(scheduler.terminate(), {"headrace": 0})

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is missing")
    def test_scheduler_pods_share_a_redis_and_take_over(self):
        specs, _ = workloads("cluster", ["scheduler.durability=local"])
        lan = Lan()
        self.addCleanup(lan.close)
        # With TLS, and a CA that only the chart's mount shows.
        keys = self.keys()
        redis_server(self, lan, os.path.join(self._folder, "keys"))
        networks = [lan.plug() for _ in range(3)]
        secrets = {**keys, "headrace-redis-tls": {"ca.crt": keys["headrace-api"]["ca.crt"]},
                   "headrace-redis": {"url": "rediss://redis.example?ca=/etc/headrace/redis/ca.crt"}}
        shared = {"secrets": secrets, "shared": self.claim(), "hosts": {self.API: networks[0].address, self.QUEUE: networks[0].address, "redis.example": lan.address}}
        first, second = [self.pod(specs[self.FULL], name=f"headrace-{i}", network=networks[i], **shared).start() for i in range(2)]
        worker = self.pod(specs[f"{self.FULL}-worker-general"], name="worker-a", network=networks[2], **shared).start()
        one, two = first.container("headrace"), second.container("headrace")
        self.assertEqual(os.listdir(os.path.join(second.folder, "volumes")).count("data"), 0)
        until = time.monotonic() + PATIENCE
        told = []
        while len(told) < 2 or min(each["partitions"] for each in told) == 0:
            self.assertLess(time.monotonic(), until, told)
            time.sleep(0.1)
            told = json.loads(self.as_admin(one, "scheduler", "list", "-o", "json"))
        self.assertEqual({each["api"] for each in told}, {f"{network.address}:8082" for network in networks[:2]})
        self.as_admin(one, "flow", "apply", "-", stdin=flow("a"))
        for container in (one, two, one, two):
            self.as_admin(container, "exec", "start", "check/a", "--wait")
        # The Services lead to the first; the worker was told of the second.
        one.terminate(9)
        one.end()
        for _ in range(4):
            self.as_admin(two, "exec", "start", "check/a", "--wait")
        self.assertEqual(worker.terminate(), {"worker": 0})
        self.assertEqual(second.terminate(), {"headrace": 0})

    def test_a_worker_pod_with_another_key_is_never_ready(self):
        scheduler, worker = self.cluster(admitted=False)
        one = worker.container("worker")
        one.start()
        until = time.monotonic() + PATIENCE
        while "is waiting for a scheduler" not in one.log():
            self.assertLess(time.monotonic(), until, one.log())
            time.sleep(0.1)
        with self.assertRaises(AssertionError):
            one.wait_for("readiness", patience=0)
        self.assertEqual(self.as_admin(scheduler.container("headrace"), "worker-pool", "list", "-o", "name").strip(), "")


def redis_server(test, network, keys=None):
    """keys: folder of tls.crt and tls.key, with which alone it speaks then."""
    folder = os.path.join(test._folder, "redis")
    os.makedirs(folder)
    tls = ["--port", "0", "--tls-port", "6379", "--tls-auth-clients", "no", "--tls-cert-file", f"{keys}/tls.crt", "--tls-key-file", f"{keys}/tls.key",
           "--tls-ca-cert-file", f"{keys}/ca.crt"] if keys else []
    redis = subprocess.Popen([*network.enter, "redis-server", "--bind", network.address, "--protected-mode", "no", "--appendonly", "yes",
                              "--appendfsync", "always", "--save", "", "--dir", folder, *tls], stdout=subprocess.DEVNULL)
    test.addCleanup(redis.wait)
    test.addCleanup(redis.kill)


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is missing")
class Redis(PodCase):
    def test_the_trial_redis_is_up_for_a_scheduler_and_keeps_what_it_has(self):
        specs, _ = workloads("pools", ["redis.trial.enabled=true", "storage.existingClaim=files"])
        network = Network()
        self.addCleanup(network.close)
        name = f"test-headrace-redis.{tools.NAMESPACE}.svc"
        files = os.path.join(self._folder, "files")
        os.makedirs(files)
        more = {"network": network, "hosts": [name]}
        redis = self.pod(specs["test-headrace-redis"], name="redis-0", **more).start()
        pod = self.pod(specs["test-headrace"], shared={"storage": files}, **more).start()
        headrace = pod.container("headrace")
        self.headrace(headrace, "flow", "apply", "-", stdin=flow("a"))
        self.headrace(headrace, "exec", "start", "check/a", "--wait")
        execution = self.headrace(headrace, "exec", "list", "-o", "name").split("/")[-1].strip()
        self.assertEqual(set(pod.terminate().values()), {0})
        # As a node that fails: killed, and begun again on its claim.
        database = redis.container("redis")
        database.terminate(9)
        database.end()
        database.start()
        database.wait_for("startup")
        again = self.pod(specs["test-headrace"], folder="again", shared={"storage": files}, **more).start()
        self.wait_for_state(again.container("headrace"), execution, "SUCCESS")
        self.assertEqual(set(again.terminate().values()), {0})

    def test_a_redis_remembers_when_the_volume_is_new(self):
        network = Network()
        self.addCleanup(network.close)
        redis_server(self, network)
        specs, _ = workloads("pools", ["redis.existingSecret=headrace-redis", "storage.existingClaim=files"])
        files = os.path.join(self._folder, "files")
        os.makedirs(files)
        more = {"secrets": {"headrace-redis": {"url": "redis://127.0.0.1"}}, "network": network, "shared": {"storage": files}}
        pod = self.pod(specs["test-headrace"], **more).start()
        self.headrace(pod.container("headrace"), "flow", "apply", "-", stdin=flow("a"))
        self.headrace(pod.container("headrace"), "exec", "start", "check/a", "--wait")
        execution = self.headrace(pod.container("headrace"), "exec", "list", "-o", "name").split("/")[-1].strip()
        self.assertEqual(set(pod.terminate().values()), {0})
        again = self.pod(specs["test-headrace"], folder="again", **more).start()
        self.wait_for_state(again.container("headrace"), execution, "SUCCESS")
        self.headrace(again.container("headrace"), "exec", "start", "check/a", "--wait")


if __name__ == "__main__":
    if not PROGRAM:
        sys.exit("HEADRACE_BIN names no program")
    tools.fetch()
    try:
        Network().close()
    except OSError as error:
        print(f"skipped: {error}: a pod has a network of its own")
        sys.exit(tools.SKIPPED)
    unittest.main()
