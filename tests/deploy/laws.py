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
            elif kind == "worker":
                port = next((word.partition("=")[2] for word in container["args"] if word.startswith("--health-port=")), None)
                ports = {str(its["containerPort"]): its["name"] for its in container.get("ports", [])}
                for name, path in (("liveness", "/health/live"), ("readiness", "/health/ready")):
                    asked = container.get(f"{name}Probe", {}).get("httpGet")
                    if f"http://127.0.0.1:{port}{path}" not in paths[name] and asked != {"port": ports.get(port), "path": path}:
                        yield f"{place(one)}: {container['name']}: its {name} probe does not ask {path} of its health port"


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
        if one["kind"] == "PodMonitor":
            hits = [spec for other, meta, spec in pods(found) if _matches(one["spec"]["selector"]["matchLabels"], meta["labels"])]
            wanted = one["spec"]["podMetricsEndpoints"][0]["port"]
            if not hits or any(wanted not in {port["name"] for c in containers(spec) for port in c.get("ports", [])} for spec in hits):
                yield f"{place(one)}: finds {len(hits)} kinds of pods, not all with a port {wanted}"
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
    if len(deciders) != 1 or deciders[0][0]["kind"] != "StatefulSet":
        yield f"not exactly one kind of scheduler: {[(place(one), container['name']) for one, container in deciders]}"
    for one, container in deciders:
        if one["spec"].get("replicas") != 1 and any(word.startswith("--data=") for word in container["args"]):
            yield f"{place(one)}: several schedulers on one data folder"


def schedulers_of_one_redis_reach_each_other(found):
    """Each tells its own address, is let in by its token, and no policy stands between them."""
    for one, meta, spec in pods(found):
        for container in containers(spec):
            env = {variable["name"]: variable.get("valueFrom", {}) for variable in container.get("env", [])}
            if role(container) != "scheduler" or one["spec"].get("replicas") == 1:
                continue
            told = [word for word in container["args"] if word in ("--advertise=$(POD_IP)", "--advertise-workers=$(POD_IP)")]
            if len(told) != 2 or env.get("POD_IP", {}).get("fieldRef", {}).get("fieldPath") != "status.podIP":
                yield f"{place(one)}: {container['name']}: does not tell the others where it is"
            plain = {variable["name"] for variable in container["env"] if "@" not in variable.get("value", "@")}
            if "secretKeyRef" not in env.get("HEADRACE_PEER_TOKEN", {}):
                yield f"{place(one)}: {container['name']}: no HEADRACE_PEER_TOKEN"
            # The address of a Redis without a password may stand there for all to read.
            if "secretKeyRef" not in env.get("HEADRACE_STORE", {}) and "HEADRACE_STORE" not in plain:
                yield f"{place(one)}: {container['name']}: no HEADRACE_STORE"
            for policy in found:
                if policy["kind"] != "NetworkPolicy" or not _matches(policy["spec"]["podSelector"].get("matchLabels"), meta["labels"]):
                    continue
                for way, side in (("ingress", "from"), ("egress", "to")):
                    rules = policy["spec"].get(way, [{}])
                    if not any(rule == {} or {"protocol": "TCP", "port": 8082} in rule.get("ports", []) and any(
                            _matches(peer.get("podSelector", {}).get("matchLabels"), meta["labels"]) for peer in rule.get(side, [])) for rule in rules):
                        yield f"{place(policy)}: schedulers do not reach each other: {way}"


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
                    if not rule.get("from") or port.get("port") not in (8080, 8082, 8083, 5570, 6379):
                        yield f"{place(one)}: lets everybody in, or to {port}"
                    inside = {5570: "worker", 6379: "scheduler"}.get(port.get("port"))
                    if inside and [peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/component") for peer in rule["from"]] != [inside]:
                        yield f"{place(one)}: others than each {inside} may reach port {port['port']}"


def a_trial_redis_keeps_what_it_has(found):
    """A file, no eviction, probes that wait for it, schedulers that reach it and nobody else."""
    names = {place(one): one for one in found}
    for one, meta, spec in pods(found):
        for container in containers(spec):
            if container.get("command") != ["redis-server"]:
                continue
            words = container["args"]
            said = {word: words[i + 1] for i, word in enumerate(words[:-1]) if word.startswith("--")}
            for option, wanted in (("--appendonly", "yes"), ("--appendfsync", "always"), ("--maxmemory-policy", "noeviction"), ("--dir", "/data")):
                if said.get(option) != wanted:
                    yield f"{place(one)}: {option} is not {wanted}"
            if not said.get("--maxmemory"):
                yield f"{place(one)}: no --maxmemory"
            if any(container.get(f"{name}Probe", {}).get("exec", {}).get("command") != ["redis-cli", "-e", "ping"] for name in ("startup", "readiness")):
                yield f"{place(one)}: its probes do not wait until it has read its file"
            policy = next((other for other in found if other["kind"] == "NetworkPolicy"
                           and _matches(other["spec"]["podSelector"].get("matchLabels"), meta["labels"])), None)
            if policy is None or policy["spec"].get("policyTypes") != ["Ingress", "Egress"] or policy["spec"].get("egress") != []:
                yield f"{place(one)}: no policy keeps others from it, or it from others"
            for scheduler, _, its in pods(found):
                for user in (each for each in containers(its) if role(each) in ("standalone", "scheduler")):
                    store = next((variable.get("value", "") for variable in user["env"] if variable["name"] == "HEADRACE_STORE"), "")
                    if f"Service/{store.removeprefix('redis://').split('.')[0]}" not in names:
                        yield f"{place(scheduler)}: its store {store} is not there"
            for other in found:
                if other["kind"] == "NetworkPolicy" and other["metadata"]["name"].endswith("-scheduler") and "egress" in other["spec"]:
                    if not any({"protocol": "TCP", "port": 6379} in rule.get("ports", []) for rule in other["spec"]["egress"]):
                        yield f"{place(other)}: schedulers do not reach the Redis"


def scalers_are_let_in(found):
    """KEDA asks the API of a scheduler that it reaches, trusts and has a token for."""
    names = {place(one): one for one in found}
    for one in found:
        if one["kind"] != "ScaledObject":
            continue
        for trigger in one["spec"]["triggers"]:
            if trigger["type"] != "external-push":
                continue
            host, _, port = trigger["metadata"]["scalerAddress"].partition(":")
            service = names.get(f"Service/{host.split('.')[0]}")
            if service is None or port not in {str(each["port"]) for each in service["spec"]["ports"]}:
                yield f"{place(one)}: asks {host}:{port}, which is not there"
            target = names[f"Deployment/{one['spec']['scaleTargetRef']['name']}"]["spec"]["template"]["spec"]["containers"][0]
            env = {variable["name"]: variable for variable in target["env"]}
            if "secretKeyRef" not in env.get(trigger["metadata"]["tokenFromEnv"], {}).get("valueFrom", {}):
                yield f"{place(one)}: no token in {trigger['metadata']['tokenFromEnv']} of {target['name']}"
            trusted = names.get(f"TriggerAuthentication/{trigger['authenticationRef']['name']}", {}).get("spec", {}).get("secretTargetRef", [])
            served = {volume["secret"]["secretName"] for _, _, spec in pods(found) for volume in spec.get("volumes", []) if volume["name"] == "api"}
            if [ref["name"] for ref in trusted if ref["parameter"] == "caCert"] != list(served):
                yield f"{place(one)}: trusts {trusted}, the API has {served}"
            policies = [other for other in found if other["kind"] == "NetworkPolicy" and other["metadata"]["name"].endswith("-scheduler")]
            for policy in policies:
                if not any({"protocol": "TCP", "port": 8082} in rule["ports"] and any("namespaceSelector" in peer for peer in rule["from"])
                           for rule in policy["spec"]["ingress"]):
                    yield f"{place(policy)}: KEDA does not reach the API"


LAWS = (pods_give_up_every_right, containers_have_bounds, schedulers_are_probed_and_workers_report, ports_have_names,
        selectors_find_what_they_mean, references_lead_somewhere, images_have_versions, secrets_stay_in_secrets,
        budgets_let_nodes_be_drained, one_scheduler_a_data_folder, schedulers_of_one_redis_reach_each_other, workers_drain_within_the_grace,
        what_a_worker_needs_outlives_it, a_trial_redis_keeps_what_it_has, scalers_are_let_in, nothing_listens_beyond_the_pod_without_keys)


def faults(found):
    for law in LAWS:
        for fault in law(found):
            yield f"{law.__name__}: {fault}"
