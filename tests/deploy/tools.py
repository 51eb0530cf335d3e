"""helm, kubectl and the schemas, as tools/deploy-tools fetches them below build/deploy-tools."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOLS = os.path.join(ROOT, "build", "deploy-tools")
CHART = os.path.join(ROOT, "deploy", "helm", "headrace")
KUSTOMIZE = os.path.join(ROOT, "deploy", "kustomize")
# The oldest Kubernetes that Chart.yaml admits, and the newest whose schemas are had.
VERSIONS = ("1.29", "1.37")
SKIPPED = 77
NAMESPACE = "flows"


def fetch():
    """Ends the process with 77, ctest's skip, when a tool cannot be had; its reason is on stderr."""
    got = subprocess.run([os.path.join(ROOT, "tools", "deploy-tools")], env={**os.environ, "PYTHON": sys.executable})
    if got.returncode == SKIPPED:
        print("skipped: helm, kubectl or a schema cannot be had here, see above")
        sys.exit(SKIPPED)
    if got.returncode != 0:
        sys.exit("tools/deploy-tools failed")
    sys.path.insert(0, os.path.join(TOOLS, "py"))


def _run(*command):
    # No settings, plugins or clusters of whoever runs this.
    env = {"PATH": os.environ["PATH"], "HOME": os.path.join(TOOLS, "home"), "KUBECONFIG": os.devnull}
    return subprocess.run(command, env=env, capture_output=True, text=True)


def helm(*words):
    return _run(os.path.join(TOOLS, "bin", "helm"), *words)


def template(values=None, sets=(), release="test"):
    command = ["template", release, CHART, "--namespace", NAMESPACE]
    if values:
        command += ["--values", values]
    for one in sets:
        command += ["--set", one]
    return helm(*command)


def kustomize(folder):
    return _run(os.path.join(TOOLS, "bin", "kubectl"), "kustomize", folder)


def objects(text):
    import yaml  # only there once fetch() was here
    return [one for one in yaml.safe_load_all(text) if one]


def schema_faults(found):
    """A line a fault: unknown fields, wrong types, missing fields."""
    import kubernetes_validate
    foreign = []
    for one in found:
        place = f"{one.get('kind')}/{one.get('metadata', {}).get('name')}"
        if "." in one["apiVersion"].split("/")[0] and not one["apiVersion"].split("/")[0].endswith(".k8s.io"):
            foreign.append(one)
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(one, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{place} (Kubernetes {version}): {'.'.join(map(str, error.path))}: {error.message}"
            except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError) as error:
                yield f"{place} (Kubernetes {version}): {error}"
    if foreign:
        ran = subprocess.run(["node", os.path.join(HERE, "crds.mjs"), os.path.join(TOOLS, "npm")], input=json.dumps(foreign),
                             capture_output=True, text=True)
        yield from ran.stdout.splitlines()
        if ran.returncode != 0:
            yield f"crds.mjs: {ran.stderr}"
