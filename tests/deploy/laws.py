"""What every object that we deploy must obey, whatever the values. Each law yields a line a fault."""
import re

TASK_ROLES = ("standalone", "worker")
SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|_KEY$")
LONG_RUNNING = ("StatefulSet", "Deployment")


def place(one):
    return f"{one['kind']}/{one['metadata']['name']}"


def pod_of(one):
    """The pod's (metadata, spec), or None."""
    if one["kind"] == "Pod":
        return one["metadata"], one["spec"]
    if one["kind"] in LONG_RUNNING:
        return one["spec"]["template"]["metadata"], one["spec"]["template"]["spec"]
    return None


def pods(found):
    for one in found:
        if pod := pod_of(one):
            yield one, *pod


def containers(spec):
    return [*spec.get("initContainers", []), *spec["containers"]]


def role(container):
    """standalone, scheduler or worker; None for others."""
    words = [word for word in container.get("args", []) if not word.startswith("-")]
    return words[0] if words and "command" not in container else None


def pods_give_up_every_right(found):
    for one, _, spec in pods(found):
        own = spec.get("securityContext", {})
        if own.get("runAsNonRoot") is not True or not own.get("runAsUser") or not own.get("runAsGroup"):
            yield f"{place(one)}: the pod does not run as a user of its own"
        if own.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{place(one)}: no seccomp filter"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{place(one)}: a token of Kubernetes is mounted"
        if spec.get("enableServiceLinks") is not False:
            yield f"{place(one)}: variables of Services would be taken for settings (HEADRACE_HTTP_PORT)"
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(field):
                yield f"{place(one)}: {field}"
        for volume in spec.get("volumes", []):
            if "hostPath" in volume:
                yield f"{place(one)}: a folder of the node, {volume['name']}"
        for container in containers(spec):
            its = container.get("securityContext", {})
            if (its.get("allowPrivilegeEscalation") is not False or its.get("readOnlyRootFilesystem") is not True
                    or its.get("capabilities", {}).get("drop") != ["ALL"] or its.get("capabilities", {}).get("add")
                    or its.get("privileged") or "runAsUser" in its):
                yield f"{place(one)}: {container['name']}: its securityContext gives more than it must"


def containers_have_bounds(found):
    for one, _, spec in pods(found):
        for container in containers(spec):
            its = container.get("resources", {})
            if not {"cpu", "memory"} <= its.get("requests", {}).keys() or "memory" not in its.get("limits", {}):
                yield f"{place(one)}: {container['name']}: no requests of cpu and memory, or no limit of memory"


def schedulers_are_probed_and_workers_report(found):
    for one, _, spec in pods(found):
        if one["kind"] not in LONG_RUNNING:
            continue
        for container in containers(spec):
            kind = role(container)
            paths = {name: str(container.get(f"{name}Probe", {}).get("exec", {}).get("command")) for name in ("startup", "liveness", "readiness")}
            if kind in ("standalone", "scheduler"):
                for name, path in (("startup", "started"), ("liveness", "live"), ("readiness", "ready")):
                    if f"http://127.0.0.1:8081/health/{path}" not in paths[name]:
                        yield f"{place(one)}: {container['name']}: its {name} probe does not ask /health/{path} of the management port"
            elif kind == "worker" and "worker-pool list" not in paths["readiness"]:
                yield f"{place(one)}: {container['name']}: ready before the scheduler knows it"


def ports_have_names(found):
    for one, _, spec in pods(found):
        for container in containers(spec):
            for port in container.get("ports", []):
                if not re.fullmatch(r"[a-z0-9-]{1,15}", port.get("name", "")):
                    yield f"{place(one)}: {container['name']}: port {port['containerPort']} has no name"
    for one in found:
        if one["kind"] == "Service":
            for port in one["spec"]["ports"]:
                if not port.get("name"):
                    yield f"{place(one)}: port {port['port']} has no name"


def _matches(selector, labels):
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def selectors_find_what_they_mean(found):
    labels = {place(one): meta.get("labels", {}) for one, meta, _ in pods(found)}
    ports = {place(one): {port["containerPort"] for c in containers(spec) for port in c.get("ports", [])} for one, _, spec in pods(found)}
    for one in found:
        kind, spec = one["kind"], one.get("spec", {})
        if kind in LONG_RUNNING and not _matches(spec["selector"]["matchLabels"], labels[place(one)]):
            yield f"{place(one)}: does not select its own pods"
        selector = {"Service": lambda: spec.get("selector"), "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
                    "NetworkPolicy": lambda: spec["podSelector"].get("matchLabels"),
                    **{workload: lambda: spec["selector"]["matchLabels"] for workload in LONG_RUNNING}}.get(kind)
        if not selector:
            continue
        hit = [where for where, its in labels.items() if _matches(selector(), its)]
        if kind == "NetworkPolicy" and one["metadata"]["name"].endswith("-workers"):
            if sorted(hit) != sorted(where for where in labels if where.startswith("Deployment/")):
                yield f"{place(one)}: is about {hit}"
        elif len(hit) != 1:
            yield f"{place(one)}: its selector finds {hit or 'nothing'}"
        if kind == "Service":
            for port in spec["ports"]:
                if any(port["targetPort"] not in ports[where] for where in hit):
                    yield f"{place(one)}: no container of {hit} has port {port['targetPort']}"


def references_lead_somewhere(found):
    names = {place(one) for one in found}
    services = {one["metadata"]["name"]: {port["name"] for port in one["spec"]["ports"]} for one in found if one["kind"] == "Service"}
    for one in found:
        if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = one["spec"]["scaleTargetRef"]
            if f"{target['kind']}/{target['name']}" not in names:
                yield f"{place(one)}: scales {target['name']}, which is not there"
        if one["kind"] == "Ingress":
            for rule in one["spec"]["rules"]:
                backend = rule["http"]["paths"][0]["backend"]["service"]
                if backend["port"]["name"] not in services.get(backend["name"], ()):
                    yield f"{place(one)}: leads to {backend}, which is not there"
        if one["kind"] == "ServiceMonitor":
            hits = [other for other in found if other["kind"] == "Service"
                    and _matches(one["spec"]["selector"]["matchLabels"], other["metadata"]["labels"])]
            if len(hits) != 1 or one["spec"]["endpoints"][0]["port"] not in services[hits[0]["metadata"]["name"]]:
                yield f"{place(one)}: finds {[place(hit) for hit in hits]}"
        if one["kind"] == "StatefulSet" and one["spec"]["serviceName"] not in services:
            yield f"{place(one)}: its Service {one['spec']['serviceName']} is not there"
    for one, _, spec in pods(found):
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        mounted = set()
        for container in containers(spec):
            places = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
            mounted |= {mount["name"] for mount in container.get("volumeMounts", [])}
            if len(places) != len(set(places)):
                yield f"{place(one)}: {container['name']}: two volumes in one place"
        if mounted != volumes:
            yield f"{place(one)}: volumes {sorted(volumes)}, mounted {sorted(mounted)}"
        for volume in spec.get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{place(one)}: {volume['name']}: may fill the node"


def images_have_versions(found):
    for one, _, spec in pods(found):
        for container in containers(spec):
            if not re.search(r":(?!latest$)[\w.-]+$|@sha256:[0-9a-f]{64}$", container["image"]):
                yield f"{place(one)}: {container['name']}: image {container['image']} names no version"


def secrets_stay_in_secrets(found):
    for one, _, spec in pods(found):
        for container in containers(spec):
            for variable in container.get("env", []):
                if SECRET_NAME.search(variable["name"]) and "value" in variable:
                    yield f"{place(one)}: {container['name']}: {variable['name']} stands there for all to read"
            if role(container) == "scheduler" and "envFrom" in container:
                yield f"{place(one)}: {container['name']}: a scheduler that runs no tasks has their secrets"
    for one in found:
        if one["kind"] == "Secret":
            yield f"{place(one)}: the chart writes no Secret"


def budgets_let_nodes_be_drained(found):
    counts = {one["metadata"]["name"]: one["spec"].get("replicas") for one in found if one["kind"] in LONG_RUNNING}
    for one in found:
        if one["kind"] == "PodDisruptionBudget":
            name = one["metadata"]["name"]
            if not one["spec"].get("maxUnavailable") or "minAvailable" in one["spec"]:
                yield f"{place(one)}: no pod may ever be evicted"
            if counts.get(name, 2) == 1:
                yield f"{place(one)}: a budget for one pod protects nothing"
    for name, count in counts.items():
        several = count is None or count > 1
        if several and f"PodDisruptionBudget/{name}" not in {place(one) for one in found}:
            yield f"{name}: several pods, and a drain of a node may take them all"


def one_scheduler_a_data_folder(found):
    deciders = [(one, container) for one, _, spec in pods(found) for container in containers(spec)
                if role(container) in ("standalone", "scheduler")]
    if len(deciders) != 1 or deciders[0][0]["kind"] != "StatefulSet" or deciders[0][0]["spec"]["replicas"] != 1:
        yield f"not exactly one scheduler: {[(place(one), container['name']) for one, container in deciders]}"


def workers_drain_within_the_grace(found):
    for one, _, spec in pods(found):
        grace = spec.get("terminationGracePeriodSeconds", 30)
        for container in containers(spec):
            if role(container) == "worker":
                limit = next(int(word[len("--drain-timeout="):-1]) for word in container["args"] if word.startswith("--drain-timeout="))
                if not 0 < limit <= grace - 30:
                    yield f"{place(one)}: {container['name']}: drains {limit} s, the pod has {grace}"


def what_a_worker_needs_outlives_it(found):
    """A scheduler in the same pod is started before it and ended after it."""
    for one, _, spec in pods(found):
        if not any(role(container) == "worker" for container in spec["containers"]):
            continue
        keepers = [c for c in spec.get("initContainers", []) if c.get("restartPolicy") == "Always"]
        inside = any(role(c) == "scheduler" for c in containers(spec))
        if inside and not any(role(c) == "scheduler" for c in keepers):
            yield f"{place(one)}: the scheduler ends with the workers, or before"


def nothing_listens_beyond_the_pod_without_keys(found):
    """What listens beyond the pod."""
    for one, _, spec in pods(found):
        for container in containers(spec):
            options = dict(word.partition("=")[::2] for word in container.get("args", []))
            if "--http-address" in options and "--token-file" not in options:
                yield f"{place(one)}: HTTP for everybody"
            if "--grpc-address" in options and not {"--grpc-cert", "--grpc-key", "--token-file"} <= options.keys():
                yield f"{place(one)}: an API for everybody"
            for option, keys in (("--queue-endpoint", {"--queue-key", "--queue-authorized"}), ("--scheduler", {"--key", "--scheduler-key"})):
                if "127.0.0.1" not in options.get(option, "127.0.0.1") and not keys <= options.keys():
                    yield f"{place(one)}: {container['name']}: a queue without keys"
    for one in found:
        if one["kind"] == "NetworkPolicy":
            for rule in one["spec"].get("ingress", []):
                for port in rule.get("ports", [{}]):
                    if not rule.get("from") or port.get("port") not in (8080, 8082, 5570):
                        yield f"{place(one)}: lets everybody in, or to {port}"
                    if port.get("port") == 5570 and [peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                                                             for peer in rule["from"]] != ["worker"]:
                        yield f"{place(one)}: others than workers may reach the queue"


LAWS = (pods_give_up_every_right, containers_have_bounds, schedulers_are_probed_and_workers_report, ports_have_names,
        selectors_find_what_they_mean, references_lead_somewhere, images_have_versions, secrets_stay_in_secrets,
        budgets_let_nodes_be_drained, one_scheduler_a_data_folder, workers_drain_within_the_grace,
        what_a_worker_needs_outlives_it, nothing_listens_beyond_the_pod_without_keys)


def faults(found):
    for law in LAWS:
        for fault in law(found):
            yield f"{law.__name__}: {fault}"
