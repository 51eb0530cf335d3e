#!/usr/bin/env python3
"""The chart without a cluster: seven sets of values rendered by helm, every object against the schemas of Kubernetes and against the laws of
laws.py, values that must be refused, every law once broken, every option asked of the program itself.

usage: HEADRACE_BIN=… check_chart.py"""
import copy
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import laws
import metric_names
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

    def test_seven_sets_render_to_what_kubernetes_knows(self):
        self.assertEqual(len(VALUES), 7)
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

    def test_numbers_come_as_they_were_written(self):
        scheduler = next(one for one in named("trial") if laws.place(one) == "StatefulSet/test-headrace")
        container = scheduler["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual({one["name"]: one["value"] for one in container["env"] if one["name"] in ("LIMIT", "SHARE", "LARGE", "FLAG")},
                         {"LIMIT": "1000000", "SHARE": "0.25", "LARGE": "12345678901", "FLAG": "true"})

    def test_who_may_reach_http_does_not_reach_the_api(self):
        rules = only(named("trial"), "NetworkPolicy", "-scheduler")["spec"]["ingress"]
        def ports(namespace):
            return {port["port"] for rule in rules for port in rule["ports"] if namespace in str(rule["from"])}
        self.assertEqual((ports("ingress-nginx"), ports("'ci'")), ({8080}, {8082}))

    def test_a_trial_redis_without_a_claim_is_on_an_empty_folder(self):
        got = tools.template(os.path.join(tools.HERE, "values", "trial.yaml"), ["redis.trial.size="])
        found = tools.objects(got.stdout)
        self.assertEqual([*tools.schema_faults(found), *laws.faults(found)], [])
        spec = only(found, "StatefulSet", "-redis")["spec"]
        self.assertNotIn("volumeClaimTemplates", spec)
        self.assertIn("emptyDir", spec["template"]["spec"]["volumes"][0])

    def test_a_trial_says_that_it_is_one(self):
        def notes(*sets):
            got = tools.helm("install", "test", tools.CHART, "--dry-run=client", "--namespace", tools.NAMESPACE, *(word for one in sets for word in ("--set", one)))
            self.assertEqual(got.returncode, 0, got.stderr)
            return got.stdout.split("NOTES:")[1]
        self.assertIn("FOR TRIALS", notes("redis.trial.enabled=true"))
        self.assertNotIn("TRIALS", notes())

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
            documented = file.read()
        import yaml
        with open(os.path.join(tools.CHART, "files", "alerts.yaml"), encoding="utf-8") as file:
            plain = yaml.safe_load(file)["groups"]
        rendered_groups = only(named("http"), "PrometheusRule")["spec"]["groups"]
        self.assertEqual(len(plain[0]["rules"]), len(rendered_groups[0]["rules"]))
        known = metric_names.told()
        for groups in (plain, rendered_groups):
            for one in groups[0]["rules"]:
                self.assertEqual(list(metric_names.faults(one["expr"], known, str(one["annotations"]))), [])
                self.assertIn(f"`{one['alert']}`", documented, "docs/kubernetes.md says what to do about each alert")
        for one in rendered_groups[0]["rules"]:
            selectors = re.findall(r"headrace_\w+(\{[^}]*\})?", one["expr"])
            self.assertTrue(all(f'namespace="{tools.NAMESPACE}"' in selector for selector in selectors), one["expr"])

    def test_the_dashboard_names_metrics_that_the_program_has(self):
        with open(os.path.join(tools.ROOT, "deploy", "grafana", "headrace.json"), encoding="utf-8") as file:
            text = file.read()
        board = json.loads(text)
        self.assertEqual(board["uid"], "headrace")
        self.assertEqual(board["templating"]["list"][0]["type"], "datasource")
        rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
        self.assertEqual(rows, ["Fleet", "Latency SLO", "Queues", "Workers", "Store", "API"])
        self.assertEqual(len({panel["id"] for panel in board["panels"]}), len(board["panels"]))
        known, seen = metric_names.told(), text
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                self.assertEqual(target["datasource"]["uid"], "${datasource}")
                self.assertEqual(list(metric_names.faults(target["expr"], known, target["legendFormat"])), [], panel["title"])
        # What is measured of the program itself can be seen.
        for name in known:
            if not name.startswith("process_"):
                self.assertIn(name, seen)
        self.assertEqual(json.loads(only(named("keda"), "ConfigMap", "-dashboard")["data"]["headrace.json"]), board)

    def test_a_metric_or_label_that_is_not_there_is_seen(self):
        known = metric_names.told()
        self.assertGreater(len(known), 30)
        for expression in ("headrace_nothing", "sum(headrace_workers{group=\"a\"})", "sum by (flavour) (headrace_workers)",
                           "rate(headrace_queue_depth_bucket[5m])", "headrace_store_op_seconds"):
            self.assertTrue(list(metric_names.faults(expression, known)), expression)
        self.assertTrue(list(metric_names.faults("headrace_workers", known, "{{flavour}}")))


@unittest.skipUnless(shutil.which("promtool"), "promtool is missing (Debian: prometheus)")
class Prometheus(unittest.TestCase):
    """What Prometheus itself says of rules and expressions."""

    def check(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            got = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
        self.assertEqual(got.returncode, 0, got.stdout + got.stderr)

    def test_it_understands_the_rules(self):
        with open(os.path.join(tools.CHART, "files", "alerts.yaml"), encoding="utf-8") as file:
            self.check(file.read())

    def test_it_understands_the_dashboard(self):
        with open(os.path.join(tools.ROOT, "deploy", "grafana", "headrace.json"), encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        asked = [target["expr"].replace("$__rate_interval", "5m") for panel in panels for target in panel.get("targets", [])]
        rules = [{"record": f"panel:{i}", "expr": expression} for i, expression in enumerate(asked)]
        self.check(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))


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
            laws.a_trial_redis_keeps_what_it_has: ("trial", lambda f: only(f, "NetworkPolicy", "-redis")["spec"]["egress"].append({})),
            laws.scalers_are_let_in: ("keda", lambda f: only(f, "TriggerAuthentication")["spec"]["secretTargetRef"][0].update(name="x")),
            laws.ports_have_names: ("defaults", lambda f: first(f)["ports"][0].pop("name")),
            laws.selectors_find_what_they_mean: ("http", lambda f: only(f, "Service", "pods")["spec"]["selector"].update(x="y")),
            laws.references_lead_somewhere: ("http", lambda f: only(f, "ServiceMonitor")["spec"]["endpoints"][0].update(port="web")),
            laws.images_have_versions: ("defaults", lambda f: first(f).update(image="headrace:latest")),
            laws.secrets_stay_in_secrets: ("pools", lambda f: first(f)["env"].append({"name": "SECRET_A", "value": "b"})),
            laws.budgets_let_nodes_be_drained: ("cluster", lambda f: only(f, "PodDisruptionBudget")["spec"].update(maxUnavailable=0)),
            laws.one_scheduler_a_data_folder: ("defaults", lambda f: only(f, "StatefulSet")["spec"].update(replicas=2)),
            laws.schedulers_of_one_redis_reach_each_other: ("cluster", lambda f: first(f)["args"].remove("--advertise=$(POD_IP)")),
            laws.workers_drain_within_the_grace: ("cluster", lambda f: spec(f, "Deployment").update(terminationGracePeriodSeconds=60)),
            laws.what_a_worker_needs_outlives_it: ("pools", lambda f: spec(f)["initContainers"][0].pop("restartPolicy")),
            laws.nothing_listens_beyond_the_pod_without_keys: ("http", lambda f: first(f)["args"].remove("--token-file=/etc/headrace/tokens/tokens")),
        }
        self.assertEqual(set(cases), set(laws.LAWS))
        for law, (values, change) in cases.items():
            with self.subTest(law.__name__):
                self.broken(law, values, change)

    def test_a_trial_redis_that_forgets_or_is_not_reached_is_seen(self):
        def args(found):
            return only(found, "StatefulSet", "-redis")["spec"]["template"]["spec"]["containers"][0]["args"]
        def swap(words, old, new):
            words[words.index(old)] = new
        law = laws.a_trial_redis_keeps_what_it_has
        self.broken(law, "trial", lambda f: swap(args(f), "noeviction", "allkeys-lru"))
        self.broken(law, "trial", lambda f: f.remove(only(f, "NetworkPolicy", "-redis")))
        self.broken(law, "trial", lambda f: f.remove(only(f, "Service", "-redis")))
        self.broken(law, "trial", lambda f: only(f, "NetworkPolicy", "-scheduler")["spec"].update(egress=[]))
        self.broken(laws.nothing_listens_beyond_the_pod_without_keys, "trial",
                    lambda f: only(f, "NetworkPolicy", "-redis")["spec"]["ingress"][0]["from"].append({"podSelector": {}}))

    def test_a_policy_between_schedulers_is_seen(self):
        def narrow(found):
            ingress = only(found, "NetworkPolicy", "-scheduler")["spec"]["ingress"]
            ingress[:] = [rule for rule in ingress if "scheduler" not in str(rule)]
        self.broken(laws.schedulers_of_one_redis_reach_each_other, "cluster", narrow)

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
