"""What people and strangers put in: values at the ends of what can be written, secrets that scripts print, flows in circles."""
import base64
import json
import math
import os
import signal
import unittest
import urllib.parse

from binary import ClusterTest, main

VALUES_FLOW = """id: values
namespace: team
inputs:
  - {id: j, type: JSON}
tasks:
  - {id: kept, type: io.kestra.plugin.core.output.OutputValues, values: {all: "{{ inputs.j }}"}}
  - id: printed
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    env: {J: "{{ outputs.kept.values.all }}"}
    commands: ["printf '::{\\"outputs\\":{\\"all\\":%s}}::\\\\n' \\"$J\\""]
outputs:
  - {id: back, type: JSON, value: "{{ outputs.printed.vars.all }}"}
"""

EXACT = [9223372036854775807, -9223372036854775808, 9223372036854775808, 18446744073709551615, 9007199254740993, 0, -0.0, 1e308,
         1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, 0.1, 1.3927926388013963e-143, 123456789.123456789, True, None,
         "😀", "a\u0000b", "\u2028", "\\ \" ' ` $(x) {{ y }}", "", [], {}, {"": 1, "a b": [[]]}, "9" * 400]


def same(a, b):
    """Equal to the last bit and the sign of a zero."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


class Values(ClusterTest):
    def inputs(self, value, name="inputs.json"):
        return self.write(name, json.dumps({"j": value}))

    def test_a_run_gives_every_value_back_exactly(self):
        for form in (json.dumps(EXACT), EXACT):
            done = self.call("run", self.write("flow.yaml", VALUES_FLOW), "-I", self.inputs(form), "-o", "json")
            self.assert_exit(done, 0)
            execution = json.loads(done.stdout)
            for where in (execution["inputs"]["j"], execution["outputs"]["back"]):
                self.assertTrue(same(where, EXACT), where)

    def test_so_does_a_server_after_a_restart(self):
        scheduler = self.scheduler()
        worker = self.worker(scheduler)
        self.deploy(scheduler, VALUES_FLOW)
        done = self.client(scheduler, "exec", "start", "team/values", "-i", self.inputs(json.dumps(EXACT)), "--watch", "-o", "json")
        self.assert_exit(done, 0)
        key = json.loads(done.stdout)["id"]
        worker.stop()
        scheduler.stop(signal.SIGKILL)
        scheduler = self.scheduler()
        execution = json.loads(self.client(scheduler, "exec", "get", key, "-o", "json").stdout)
        self.assertTrue(same(execution["inputs"]["j"], EXACT), execution["inputs"])
        self.assertTrue(same(execution["outputs"]["back"], EXACT), execution["outputs"])
        self.assertTrue(same(json.loads(execution["taskRunList"][0]["outputs"]["values"]["all"]), EXACT))

    def test_numbers_that_nothing_can_hold_keep_their_digits(self):
        text = "[18446744073709551616, -9223372036854775809, 1e400, 123456789012345678901234567890]"
        done = self.call("run", self.write("flow.yaml", VALUES_FLOW), "-I", self.inputs(text), "-o", "json")
        self.assert_exit(done, 0)
        self.assertEqual(json.loads(done.stdout)["outputs"]["back"],
                         ["18446744073709551616", "-9223372036854775809", "1e400", "123456789012345678901234567890"])

    def test_infinity_and_nan_are_texts_wherever_they_are_made(self):
        flow = VALUES_FLOW.replace("{{ inputs.j }}", "{{ [1.0 / 0, 0.0 / 0] }}")
        done = self.call("run", self.write("flow.yaml", flow), "-I", self.inputs("1"), "-o", "json")
        self.assert_exit(done, 0)
        self.assertEqual(json.loads(done.stdout)["outputs"]["back"], ["Infinity", "NaN"])

    def test_what_is_no_value_is_refused_with_its_input(self):
        flow = self.write("flow.yaml", VALUES_FLOW)
        for text in ("NaN", "[Infinity]", '"\\ud800"', '["\\udc00\\ud800"]', '{"a":', "[" * 200 + "]" * 200):
            done = self.call("run", flow, "-I", self.inputs(text), "-o", "json")
            self.assert_exit(done, 3)
            self.assertIn("Invalid value for input `j`. Cause: invalid JSON near offset", done.stderr)

    def test_large_inputs_come_whole_or_are_refused_with_the_bound(self):
        flow = self.write("flow.yaml", VALUES_FLOW.replace("{{ inputs.j }}", "{{ inputs.j | length }}"))
        keys = {f"k{i}": i for i in range(100_000)}
        for form in (keys, json.dumps(keys)):
            done = self.call("run", flow, "-I", self.inputs(form), "-o", "json")
            self.assert_exit(done, 0)
            execution = json.loads(done.stdout)
            self.assertEqual(execution["outputs"]["back"], 100_000)
            self.assertEqual(execution["inputs"]["j"], keys)
        done = self.call("run", flow, "-I", self.write("inputs.yaml", "j:\n" + "".join(f"  k{i}: {i}\n" for i in range(100_000))))
        self.assert_exit(done, 1)
        self.assertIn("more than 200000 nodes", done.stderr)
        done = self.call("run", flow, "-I", self.inputs("x" * 10_000_000))
        self.assert_exit(done, 1)
        self.assertIn("inputs.json has 10000009 bytes; the limit is 5242880", done.stderr)

    def test_a_server_takes_messages_of_four_megabytes(self):
        scheduler = self.scheduler()
        self.deploy(scheduler, VALUES_FLOW)
        done = self.client(scheduler, "exec", "start", "team/values", "-i", self.inputs(json.dumps("x" * 4_100_000)))
        self.assert_exit(done, 0)
        key = done.stdout.strip()
        back = json.loads(self.client(scheduler, "exec", "get", key, "-o", "json").stdout)
        self.assertEqual(len(back["inputs"]["j"]), 4_100_000)
        done = self.client(scheduler, "exec", "start", "team/values", "-i", self.inputs(json.dumps("x" * 4_500_000)))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("takes no message as large as this (Received message larger than max (4500", done.stderr)
        self.assertIn("hand large values on as files or URIs", done.stderr)

    def test_what_no_message_can_carry_fails_the_task_and_not_the_worker(self):
        tasks = "".join(f"  - {{id: o{i}, type: io.kestra.plugin.core.output.OutputValues, values: {{x: \"{{{{ 'x'.repeat(1000000) }}}}\"}}}}\n"
                        for i in range(9))
        last = "  - {id: last, type: io.kestra.plugin.core.debug.Return, allowFailure: true, format: \"{{ outputs | length }}\"}\n"
        after = "  - {id: after, type: io.kestra.plugin.core.debug.Return, format: \"{{ outputs.o1 | length }}\"}\n"
        done = self.call("run", self.write("flow.yaml", "id: large\nnamespace: team\ntasks:\n" + tasks + last + after), "-o", "json")
        self.assertIn("CONTEXT_TOO_LARGE: the task and what its expressions name are 9000", done.stderr)
        runs = {run["taskId"]: run for run in json.loads(done.stdout)["taskRunList"]}
        self.assertEqual([runs["last"]["state"]["current"], runs["after"]["state"]["current"]], ["WARNING", "SUCCESS"])
        self.assertEqual(len(runs["last"]["attempts"]), 1)


CANARY = "C4nary \"7f3/+=ü\" end"
LEAKY_FLOW = """id: leaky
namespace: team
inputs:
  - {id: port, type: INT, defaults: 1}
tasks:
  - {id: log, type: io.kestra.plugin.core.log.Log, message: ["{{ secret('TOKEN') }}", "{{ secret('TOKEN') | base64encode }}"]}
  - {id: return, type: io.kestra.plugin.core.debug.Return, format: "x{{ secret('TOKEN') }}y{{ secret('TOKEN') | urlencode }}"}
  - {id: values, type: io.kestra.plugin.core.output.OutputValues, values: {a: ["{{ secret('TOKEN') }}", {b: "{{ secret('TOKEN') | json }}"}]}}
  - {id: fail, type: io.kestra.plugin.core.execution.Fail, allowFailure: true, errorMessage: "no: {{ secret('TOKEN') }}"}
  - {id: assert, type: io.kestra.plugin.core.execution.Assert, allowFailure: true, conditions: ["{{ secret('TOKEN') == 1 }}"], errorMessage: "{{ secret('TOKEN') }}"}
  - {id: wrong, type: io.kestra.plugin.core.debug.Return, allowFailure: true, format: "{{ secret('TOKEN') | number }}"}
  - {id: url, type: io.kestra.plugin.core.http.Request, allowFailure: true, uri: "http://127.0.0.1:{{ inputs.port }}/{{ secret('TOKEN') | urlencode }}", headers: {X: "{{ secret('TOKEN') }}"}}
  - {id: kept, type: io.kestra.plugin.core.execution.SetVariables, allowFailure: true, variables: {v: "{{ secret('TOKEN') }}"}}
  - {id: child, type: io.kestra.plugin.core.flow.Subflow, allowFailure: true, namespace: team, flowId: none, inputs: {x: "{{ secret('TOKEN') }}"}}
  - id: script
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    allowFailure: true
    env: {T: "{{ secret('TOKEN') }}"}
    commands:
      - echo "$T"; echo "$T" >&2; env; printf '%s' "$T" | base64 -w0; echo
      - printf 'user:%s' "$T" | base64 -w0; echo; printf '%s' "$T" | base64
      - printf '%.5s' "$T"; sleep 0.2; printf '%s\\n' "$T" | cut -c6-
      - set -x; echo "again $T"; cat /proc/self/environ | tr '\\0' '\\n'
      - echo '{{ secret("TOKEN") | json }}'
      - printf '::{"outputs":{"t":%s}}::\\n' '{{ secret("TOKEN") | json }}'
      - cd "/no/$T"
"""


class Secrets(ClusterTest):
    def test_a_secret_is_in_no_file_and_no_answer(self):
        scheduler = self.scheduler()
        worker = self.worker(scheduler, SECRET_TOKEN=base64.b64encode(CANARY.encode()).decode())
        self.deploy(scheduler, LEAKY_FLOW)
        done = self.client(scheduler, "exec", "start", "team/leaky", "--watch", "-o", "json")
        execution = json.loads(done.stdout)
        states = {run["taskId"]: run["state"]["current"] for run in execution["taskRunList"]}
        for task in ("fail", "assert", "wrong", "url", "kept", "child", "script"):
            self.assertEqual(states[task], "WARNING", task)
        answers = [done.stdout, done.stderr]
        for verb in (["get"], ["get", "-o", "json"], ["logs"], ["logs", "-o", "json"]):
            answers.append(self.client(scheduler, "exec", verb[0], execution["id"], *verb[1:]).stdout)
        self.assertIn("******", answers[0])
        self.assertIn("again ******", answers[-1])
        answers += [worker.stop()[1], scheduler.stop()[1]]
        kept = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    answers.append(file.read().decode("latin-1"))
                kept += 1
        self.assertGreater(kept, 1)
        for form in self.forms():
            for answer in answers:
                at = answer.find(form)
                self.assertEqual(at, -1, f"{form!r} in {answer[max(0, at - 200):at + 100]!r}")

    @staticmethod
    def forms():
        """What of the secret may not be found, however it is written: pieces of twelve bytes and more."""
        raw = CANARY.encode()
        forms = [CANARY, raw.decode("latin-1"), json.dumps(CANARY)[1:-1], json.dumps(CANARY, ensure_ascii=False)[1:-1],
                 urllib.parse.quote_plus(CANARY), urllib.parse.quote(CANARY, safe="")]
        for shift in range(3):
            encoded = base64.b64encode(raw[shift:]).decode().rstrip("=")
            forms += [encoded[:-2], base64.urlsafe_b64encode(raw[shift:]).decode().rstrip("=")[:-2]]
        return forms


CALLER = """id: {id}
namespace: team
tasks:
  - {{id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: team, flowId: {other}}}
"""


class Circles(ClusterTest):
    def test_flows_that_start_one_another_are_told_and_end(self):
        self.write("flows/a.yaml", CALLER.format(id="a", other="b"))
        self.write("flows/b.yaml", "---\n" + CALLER.format(id="x", other="y") + "---\n" + CALLER.format(id="b", other="a"))
        folder = os.path.join(self.folder, "flows")
        done = self.call("flow", "validate", folder)
        self.assert_exit(done, 0)
        self.assertIn("a.yaml:4:5: call.flowId: these flows start one another in a circle: team.a -> team.b -> team.a;", done.stderr)
        self.assertIn("b.yaml:10:5: call.flowId: these flows start one another in a circle: team.b -> team.a -> team.b;", done.stderr)
        self.assertEqual(done.stderr.count("in a circle"), 2)
        scheduler = self.scheduler()
        done = self.client(scheduler, "flow", "apply", folder)
        self.assert_exit(done, 0)
        self.assertEqual(done.stderr.count("in a circle"), 1, "when the second is applied the first is there")
        done = self.client(scheduler, "exec", "start", "team/a", "--watch")
        self.assert_exit(done, 10)
        executions = json.loads(self.client(scheduler, "exec", "list", "-o", "json").stdout)
        self.assertEqual([one["state"]["current"] for one in executions], ["FAILED"] * 33)
        told = [self.client(scheduler, "exec", "get", one["id"]).stdout for one in executions]
        self.assertEqual(sum("subflows are nested more than 32 deep" in text for text in told), 1)


ADVISED = """id: advised
namespace: team
inputs:
  - {id: TAG, type: STRING}
tasks:
  - id: one
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    commands: ["echo {{ inputs.TAG }}", "echo {{ inputs.TAG }}"]
"""


class Advice(ClusterTest):
    def test_validate_advises_on_scripts_and_nothing_else_does(self):
        flow = self.write("flow.yaml", ADVISED)
        advice = "flow.yaml:9:22: tasks[0]: whoever chooses `inputs.TAG` chooses what this script runs"
        scheduler = self.scheduler()
        for done in (self.call("flow", "validate", flow), self.client(scheduler, "flow", "validate", "--online", flow)):
            self.assert_exit(done, 0)
            self.assertEqual(done.stderr.count("warning:"), 1, done.stderr)
            self.assertIn(advice, done.stderr)
        done = self.client(scheduler, "flow", "apply", flow)
        self.assertNotIn("whoever", done.stderr)
        done = self.call("run", flow, "-i", "TAG=x; echo PWNED")
        self.assertNotIn("whoever", done.stderr)
        self.assertIn("PWNED", done.stderr, "the advice is right")

    def test_what_it_advises_helps(self):
        for line, more in (("echo {{ inputs.TAG | shq }}", ""), ('echo \\"$TAG\\"', '    env: {TAG: "{{ inputs.TAG }}"}\n'),
                           ('echo \\"$TAG\\"', '    env: "{{ inputs }}"\n')):
            text = ADVISED.split("    commands:")[0] + more + f'    commands: ["{line}"]\n'
            flow = self.write("flow.yaml", text)
            self.assertEqual(self.call("flow", "validate", flow).stderr, "")
            done = self.call("run", flow, "-i", "TAG=x; echo 'PW'NED $(id) `id`")
            self.assert_exit(done, 0)
            self.assertIn("x; echo 'PW'NED $(id) `id`", done.stderr)
            self.assertNotIn("uid=", done.stderr)

    def test_names_of_variables_are_checked_before_a_run(self):
        done = self.call("flow", "validate", self.write("flow.yaml", ADVISED + '    env: {"A=B": x}\n'))
        self.assert_exit(done, 3)
        self.assertIn("flow.yaml:10:11: tasks[0].env.A=B: `A=B` is no name of a variable", done.stderr)


if __name__ == "__main__":
    main()
