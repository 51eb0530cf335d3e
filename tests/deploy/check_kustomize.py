#!/usr/bin/env python3
"""deploy/kustomize is what the chart renders, and every folder of it builds to objects that obey the schemas and the laws.
The compose files give up the same rights.

usage: check_kustomize.py [--write]      --write renders rendered.yaml anew"""
import glob
import os
import re
import subprocess
import sys
import unittest

import laws
import tools

RENDERED = sorted(os.path.dirname(path) for path in glob.glob(os.path.join(tools.KUSTOMIZE, "**", "values.yaml"), recursive=True))
ALL = sorted(os.path.dirname(path) for path in glob.glob(os.path.join(tools.KUSTOMIZE, "**", "kustomization.yaml"), recursive=True))
HEAD = "# Written by `make deploy-render` from values.yaml and deploy/helm/headrace; edit those.\n"


def render(folder):
    """The chart's objects without what is Helm's own: its test, its labels, the namespace (kustomization.yaml has it)."""
    command = ["template", "headrace", tools.CHART, "--namespace", "headrace", "--skip-tests", "--values", os.path.join(folder, "values.yaml")]
    got = tools.helm(*command)
    if got.returncode != 0:
        raise AssertionError(got.stderr)
    text = re.sub(r"(?m)^ *(helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n|^# Source: .*\n|^ +$\n", "", got.stdout)
    return HEAD + text


def rendered(folder):
    with open(os.path.join(folder, "rendered.yaml"), encoding="utf-8") as file:
        return file.read()


class Kustomize(unittest.TestCase):
    maxDiff = None

    def test_it_is_what_the_chart_renders(self):
        self.assertEqual([os.path.basename(folder) for folder in RENDERED], ["base", "cluster", "http", "pools"])
        for folder in RENDERED:
            self.assertEqual(rendered(folder), render(folder), f"{folder}: make deploy-render")

    def test_every_overlay_builds_to_what_kubernetes_knows_and_obeys_the_laws(self):
        self.assertEqual(len(ALL), 5)
        for folder in ALL:
            with self.subTest(os.path.basename(folder)):
                got = tools.kustomize(folder)
                self.assertEqual(got.returncode, 0, got.stderr)
                found = tools.objects(got.stdout)
                self.assertEqual(list(tools.schema_faults(found)), [])
                self.assertEqual(list(laws.faults(found)), [])
                self.assertEqual({one["metadata"].get("namespace") for one in found}, {"headrace"})

    def test_the_small_one_is_small(self):
        found = tools.objects(tools.kustomize(os.path.join(tools.KUSTOMIZE, "overlays", "small")).stdout)
        spec = next(one for one in found if one["kind"] == "StatefulSet")["spec"]
        self.assertEqual([word for word in spec["template"]["spec"]["containers"][0]["args"] if word.startswith("--slots")], ["--slots=2"])
        self.assertEqual(spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"], "1Gi")


def services(name):
    import yaml
    with open(os.path.join(tools.ROOT, "deploy", name), encoding="utf-8") as file:
        return yaml.safe_load(file)["services"]


class Compose(unittest.TestCase):
    def test_they_give_up_the_same_rights(self):
        for name, service in [*services("compose.yaml").items(), *services("compose.cluster.yaml").items()]:
            self.assertTrue(service["read_only"], name)
            self.assertEqual(service["cap_drop"], ["ALL"], name)
            self.assertIn("no-new-privileges:true", service["security_opt"], name)
            self.assertRegex(service["image"], r":(?!latest$)[\w.-]+$")
            self.assertIn("healthcheck", service)
            self.assertNotIn("privileged", service)
            for port in service.get("ports", []):
                self.assertTrue(str(port).startswith("127.0.0.1:"), f"{name}: {port} is open to the network")
            for volume in service.get("volumes", []):
                self.assertNotIn("docker.sock", str(volume))

    def test_the_cluster_shares_one_loopback_and_no_port_twice(self):
        found = services("compose.cluster.yaml")
        taken = []
        for name, service in found.items():
            self.assertNotIn("ports", service, name)
            if name != "redis":
                self.assertEqual(service["network_mode"], "service:redis", name)
            options = dict(word.partition("=")[::2] for word in service["command"])
            if "scheduler" in options:
                taken += [options[port].rsplit(":", 1)[-1] for port in ("--grpc-port", "--queue-endpoint", "--port", "--management-port")]
        self.assertEqual((len(taken), len(set(taken))), (8, 8))

    @unittest.skipUnless(os.environ.get("HEADRACE_BIN"), "HEADRACE_BIN names no program")
    def test_every_option_is_one_of_the_program(self):
        def told(*words):
            return subprocess.run([os.environ["HEADRACE_BIN"], *words, "--help"], capture_output=True, text=True, check=True).stdout
        for name, service in [*services("compose.yaml").items(), *services("compose.cluster.yaml").items()]:
            role = next((word for word in service["command"] if word in ("standalone", "scheduler", "worker")), None)
            if role:
                at = service["command"].index(role)
                for i, word in enumerate(service["command"]):
                    if i != at:
                        self.assertIn(word.split("=")[0], told() if i < at else told(role), f"{name}: {word}")


if __name__ == "__main__":
    tools.fetch()
    if sys.argv[1:] == ["--write"]:
        for one in RENDERED:
            with open(os.path.join(one, "rendered.yaml"), "w", encoding="utf-8") as out:
                out.write(render(one))
    else:
        unittest.main()
