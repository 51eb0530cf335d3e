#!/usr/bin/env python3
"""The chart without a cluster: six sets of values rendered by helm, every object against the schemas of Kubernetes and against the laws of
laws.py, values that must be refused, every law once broken, every option asked of the program itself.

usage: HEADRACE_BIN=… check_chart.py"""
import copy
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import laws
import tools

VALUES = sorted(glob.glob(os.path.join(tools.HERE, "values", "*.yaml")))
_rendered = {}


def rendered(values):
    if values not in _rendered:
        got = tools.template(values)
        if got.returncode != 0:
            raise AssertionError(f"{os.path.basename(values)}: {got.stderr}")
        _rendered[values] = tools.objects(got.stdout)
    return copy.deepcopy(_rendered[values])


def named(name):
    return rendered(os.path.join(tools.HERE, "values", f"{name}.yaml"))


def only(found, kind, name=""):
    return next(one for one in found if one["kind"] == kind and name in one["metadata"]["name"])


class Chart(unittest.TestCase):
    maxDiff = None

    def test_helm_lint_has_nothing_to_say(self):
        for values in VALUES:
            got = tools.helm("lint", "--strict", tools.CHART, "--values", values)
            self.assertEqual(got.returncode, 0, got.stdout + got.stderr)

    def test_six_sets_render_to_what_kubernetes_knows(self):
        self.assertEqual(len(VALUES), 6)
        for values in VALUES:
            with self.subTest(os.path.basename(values)):
                self.assertEqual(list(tools.schema_faults(rendered(values))), [])

    def test_every_object_obeys_the_laws(self):
        for values in VALUES:
            with self.subTest(os.path.basename(values)):
                self.assertEqual(list(laws.faults(rendered(values))), [])

    def test_objects_are_of_the_release_and_have_names_of_their_own(self):
        for values in VALUES:
            found = rendered(values)
            names = [laws.place(one) for one in found]
            self.assertEqual(len(names), len(set(names)), names)
            for one in found:
                if not one["metadata"]["name"].endswith("-extra"):
                    self.assertEqual(one["metadata"]["labels"]["app.kubernetes.io/instance"], "test", laws.place(one))

    def test_what_cannot_work_is_refused_with_place_and_remedy(self):
        import yaml
        with open(os.path.join(tools.HERE, "refusals.yaml"), encoding="utf-8") as file:
            cases = yaml.safe_load(file)
        for case in cases:
            with self.subTest(case["set"]):
                got = tools.template(sets=case["set"])
                self.assertNotEqual(got.returncode, 0)
                for words in case["says"]:
                    self.assertIn(words, got.stderr)

    def test_a_changed_flow_makes_a_new_pod(self):
        def annotations(text):
            got = tools.template(sets=[f"flows.files.a\\.yaml={text}"])
            return only(tools.objects(got.stdout), "StatefulSet")["spec"]["template"]["metadata"]["annotations"]
        self.assertNotEqual(annotations("one"), annotations("two"))
        self.assertEqual(annotations("one"), annotations("one"))

    def test_values_of_the_readme_are_those_of_the_chart(self):
        import yaml
        with open(os.path.join(tools.CHART, "values.yaml"), encoding="utf-8") as file:
            values = yaml.safe_load(file)
        with open(os.path.join(tools.CHART, "README.md"), encoding="utf-8") as file:
            told = set(re.findall(r"^\| `([\w.]+)", file.read(), re.M))
        self.assertEqual({name.split(".")[0] for name in told}, set(values))
        for name in sorted(told):
            at = values
            for part in name.split("."):
                self.assertIn(part, at, name)
                at = at[part]

    def test_the_examples_of_the_documents_work(self):
        def example(*path):
            with open(os.path.join(tools.ROOT, *path), encoding="utf-8") as file:
                return re.search(r"^```yaml\n(.*?)^```", file.read(), re.M | re.S).group(1)
        with tempfile.TemporaryDirectory() as folder:
            written = []
            for i, text in enumerate((example("docs", "kubernetes.md"), example("deploy", "helm", "headrace", "README.md"))):
                written.append(os.path.join(folder, f"{i}.yaml"))
                with open(written[-1], "w", encoding="utf-8") as file:
                    file.write(text)
            got = tools.helm("template", "flows", tools.CHART, "--values", written[0], "--values", written[1])
        self.assertEqual(got.returncode, 0, got.stderr)
        found = tools.objects(got.stdout)
        self.assertEqual([*tools.schema_faults(found), *laws.faults(found)], [])
        self.assertTrue(only(found, "ScaledObject"))

    def test_rules_name_metrics_that_the_program_has(self):
        with open(os.path.join(tools.ROOT, "docs", "kubernetes.md"), encoding="utf-8") as file:
            told = file.read()
        rule = only(named("http"), "PrometheusRule")
        for one in rule["spec"]["groups"][0]["rules"]:
            for metric in re.findall(r"headrace_\w+", one["expr"]):
                self.assertIn(metric, METRICS)
            self.assertIn(one["alert"], told, "docs/kubernetes.md says what to do about each alert")


# api/http/metrics… of the scheduler; check_pods.py holds them against a running one.
METRICS = ("headrace_build_info", "headrace_workers", "headrace_worker_slots")


class Laws(unittest.TestCase):
    """A law that nothing can break is none: each is broken once."""

    def broken(self, law, values, change):
        found = named(values)
        change(found)
        self.assertTrue(list(law(found)), f"{law.__name__} overlooks its fault")

    def test_each_law_sees_its_fault(self):
        def spec(found, kind="StatefulSet"):
            return only(found, kind)["spec"]["template"]["spec"]
        first = lambda found, kind="StatefulSet": spec(found, kind)["containers"][0]
        cases = {
            laws.pods_give_up_every_right: ("defaults", lambda f: first(f)["securityContext"].update(readOnlyRootFilesystem=False)),
            laws.containers_have_bounds: ("defaults", lambda f: first(f)["resources"]["limits"].clear()),
            laws.schedulers_are_probed_and_workers_report: ("pools", lambda f: first(f).pop("readinessProbe")),
            laws.ports_have_names: ("defaults", lambda f: first(f)["ports"][0].pop("name")),
            laws.selectors_find_what_they_mean: ("http", lambda f: only(f, "Service", "pods")["spec"]["selector"].update(x="y")),
            laws.references_lead_somewhere: ("http", lambda f: only(f, "ServiceMonitor")["spec"]["endpoints"][0].update(port="web")),
            laws.images_have_versions: ("defaults", lambda f: first(f).update(image="headrace:latest")),
            laws.secrets_stay_in_secrets: ("pools", lambda f: first(f)["env"].append({"name": "SECRET_A", "value": "b"})),
            laws.budgets_let_nodes_be_drained: ("cluster", lambda f: only(f, "PodDisruptionBudget")["spec"].update(maxUnavailable=0)),
            laws.one_scheduler_a_data_folder: ("cluster", lambda f: only(f, "StatefulSet")["spec"].update(replicas=2)),
            laws.workers_drain_within_the_grace: ("cluster", lambda f: spec(f, "Deployment").update(terminationGracePeriodSeconds=60)),
            laws.what_a_worker_needs_outlives_it: ("pools", lambda f: spec(f)["initContainers"][0].pop("restartPolicy")),
            laws.nothing_listens_beyond_the_pod_without_keys: ("http", lambda f: first(f)["args"].remove("--token-file=/etc/headrace/tokens/tokens")),
        }
        self.assertEqual(set(cases), set(laws.LAWS))
        for law, (values, change) in cases.items():
            with self.subTest(law.__name__):
                self.broken(law, values, change)

    def test_the_schemas_see_a_misspelt_field(self):
        found = named("defaults")
        only(found, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["volumeMount"] = []
        self.assertTrue(list(tools.schema_faults(found)))
        found = named("keda")
        only(found, "ScaledObject")["spec"]["maxReplicaCount"] = "many"
        self.assertTrue(list(tools.schema_faults(found)))


@unittest.skipUnless(os.environ.get("HEADRACE_BIN"), "HEADRACE_BIN names no program")
class Program(unittest.TestCase):
    @unittest.skipUnless(shutil.which("dpkg-query") and shutil.which("readelf"), "no Debian, or no readelf")
    def test_the_image_installs_what_the_program_is_linked_against(self):
        with open(os.path.join(tools.ROOT, "tools", "packages.txt"), encoding="utf-8") as file:
            run = {line.split()[1] for line in file if line.startswith("run ")}
        wanted = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(["readelf", "-d", os.environ["HEADRACE_BIN"]],
                                                                capture_output=True, text=True, check=True).stdout)
        self.assertTrue(wanted)
        found = dict(re.findall(r"^\s*(\S+) => (\S+)", subprocess.run(["ldd", os.environ["HEADRACE_BIN"]], capture_output=True,
                                                                     text=True, check=True).stdout, re.M))
        for library in wanted:
            if library not in found:  # the loader
                continue
            paths = {found[library], os.path.realpath(found[library])}
            paths |= {"/usr" + path for path in paths if not path.startswith("/usr")}
            owners = "".join(subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True).stdout for path in sorted(paths))
            packages = set(re.findall(r"(?m)^([^:,\s]+)", owners))
            # Of the base image already.
            if not packages & {"libc6", "libgcc-s1"}:
                self.assertTrue(packages & run, f"{library} is of {packages or 'no package'}: into the group run of tools/packages.txt")

    def test_every_option_and_variable_is_one_of_the_program(self):
        def told(*words):
            return subprocess.run([os.environ["HEADRACE_BIN"], *words, "--help"], capture_output=True, text=True, check=True).stdout
        general = told()
        helps = {role: told(role) for role in ("standalone", "scheduler", "worker")}
        with open(os.path.join(tools.ROOT, "docs", "operations.md"), encoding="utf-8") as file:
            variables = general + "".join(helps.values()) + file.read()
        seen = set()
        for values in VALUES:
            for one, _, spec in laws.pods(rendered(values)):
                for container in laws.containers(spec):
                    kind = laws.role(container)
                    if not kind:
                        continue
                    seen.add(kind)
                    at = container["args"].index(kind)
                    for i, word in enumerate(container["args"]):
                        if word != kind:
                            option = word.split("=")[0]
                            self.assertRegex(general if i < at else helps[kind], rf"(?m)^  (-\w,)?{option}[ ,=]", f"{laws.place(one)}: {word}")
                    for variable in container.get("env", []):
                        if variable["name"].startswith("HEADRACE_"):
                            self.assertIn(variable["name"], variables)
        self.assertEqual(seen, set(helps))


if __name__ == "__main__":
    tools.fetch()
    unittest.main()
