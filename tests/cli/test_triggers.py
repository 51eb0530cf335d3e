#!/usr/bin/env python3
"""Triggers through the binary: schedules that a kill does not double, flows that follow flows, backfills, and their commands."""
import json
import os
import re
import signal
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import PATIENCE, ClusterTest, main  # noqa: E402

EVERY_SECOND = """id: ticking
namespace: team
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "{{ trigger.date }}"
triggers:
  - id: second
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "* * * * * *"
    withSeconds: true
"""

FOLLOWER = """id: follower
namespace: team
inputs:
  - id: of
    type: STRING
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "{{ inputs.of }}"
triggers:
  - id: after
    type: io.kestra.plugin.core.trigger.Flow
    states: [SUCCESS]
    inputs:
      of: "{{ trigger.executionId }} {{ trigger.outputs.word }}"
    conditions:
      - type: io.kestra.plugin.core.condition.ExecutionFlow
        namespace: team
        flowId: source
"""

SOURCE = """id: source
namespace: team
tasks:
  - id: make
    type: io.kestra.plugin.core.debug.Return
    format: hello
outputs:
  - id: word
    type: STRING
    value: "{{ outputs.make.value }}"
"""

HOURLY = """id: hourly
namespace: team
inputs:
  - id: why
    type: STRING
    defaults: normal
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "{{ inputs.why }}"
triggers:
  - id: hour
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 * * * *"
    timezone: Europe/Paris
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: secret-key
"""

HOOK = """id: hooked
namespace: team
inputs:
  - id: who
    type: STRING
tasks:
  - id: make
    type: io.kestra.plugin.core.debug.Return
    format: "hello {{ inputs.who }}"
outputs:
  - id: word
    type: STRING
    value: "{{ outputs.make.value }}"
triggers:
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: "{{ flow.id }}-4711"
    inputs:
      who: "{{ trigger.body.who }}"
    conditions:
      - type: io.kestra.plugin.core.condition.Expression
        expression: "{{ trigger.body.who != 'nobody' }}"
    wait: true
    returnOutputs: true
    responseCode: 201
"""

TOGGLE = """id: toggling
namespace: team
tasks:
  - id: off
    type: io.kestra.plugin.core.trigger.Toggle
    flowId: hourly
    trigger: hour
    enabled: false
"""


class Triggers(ClusterTest):
    def standalone(self):
        service = self.serve("standalone", "--grpc-port", "0", "--port", "0", "--management-port", "0")
        seen = service.wait_for("slots, data headrace-data")
        service.server, service.http = re.search(r"API (\S+?), HTTP (\S+?),", seen).groups()
        return service

    def executions(self, service, flow):
        done = self.client(service, "exec", "list", "--flow", flow, "--limit", "10000", "-o", "json")
        self.assert_exit(done, 0)
        return json.loads(done.stdout)

    def wait_for(self, service, flow, count, state="SUCCESS"):
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [e for e in self.executions(service, flow) if e["state"]["current"] == state]
            if len(found) >= count:
                return found
            self.assertLess(time.monotonic(), deadline, f"{len(found)} of {count} executions of {flow}")
            time.sleep(0.2)

    def trigger(self, service, name):
        done = self.client(service, "trigger", "get", name, "-o", "json")
        self.assert_exit(done, 0)
        return json.loads(done.stdout)[0]

    def test_each_second_is_run_once_also_when_the_process_is_killed(self):
        service = self.standalone()
        self.deploy(service, EVERY_SECOND)
        self.wait_for(service, "ticking", 3)
        for _ in range(3):
            service.stop(signal.SIGKILL)
            service = self.standalone()
            self.wait_for(service, "ticking", len(self.executions(service, "ticking")) + 1)
        self.assert_exit(self.client(service, "trigger", "disable", "team/ticking/second"), 0)
        found = self.executions(service, "ticking")
        dates = sorted(e["trigger"]["variables"]["date"] for e in found)
        self.assertEqual(len(dates), len(set(dates)), dates)
        row = self.trigger(service, "team/ticking/second")
        self.assertTrue(row["disabled"])
        self.assertTrue(any(label["key"] == "system.from" and label["value"] == "trigger" for label in found[0]["labels"]))

    def test_a_flow_follows_another_and_sees_its_outputs(self):
        service = self.standalone()
        self.deploy(service, FOLLOWER)
        self.deploy(service, SOURCE)
        done = self.client(service, "exec", "start", "team/source", "--wait", "-o", "json")
        self.assert_exit(done, 0)
        source = json.loads(done.stdout)["id"]
        followed = self.wait_for(service, "follower", 1)
        self.assertEqual(followed[0]["inputs"], {"of": f"{source} hello"})

    def test_a_backfill_runs_the_hours_of_the_past_one_after_the_other(self):
        service = self.standalone()
        self.deploy(service, HOURLY)
        done = self.client(service, "backfill", "create", "team/hourly/hour", "--from", "2026-01-31", "--to",
                           "2026-01-31T02:30:00Z", "-i", "why=again", "--label", "kind=backfill")
        self.assert_exit(done, 0)
        found = self.wait_for(service, "hourly", 3)
        self.assertEqual(sorted(e["trigger"]["variables"]["date"] for e in found),
                         [f"2026-01-31T0{hour}:00:00+01:00" for hour in (1, 2, 3)])
        self.assertEqual({e["inputs"]["why"] for e in found}, {"again"})
        self.assertEqual(json.loads(self.client(service, "backfill", "list", "-o", "json").stdout), [])
        self.assert_exit(self.client(service, "backfill", "pause", "team/hourly/hour"), 6)
        self.assert_exit(self.client(service, "backfill", "create", "team/hourly/hook", "--from", "1d"), 6)
        done = self.client(service, "backfill", "create", "team/hourly/hour", "--from", "2026-01-31T00:10:00Z", "--to",
                           "2026-01-31T00:20:00Z")
        self.assert_exit(done, 3)
        self.assertIn("has no date from", done.stderr)

    def test_the_commands_show_and_steer(self):
        service = self.standalone()
        self.deploy(service, HOURLY)
        done = self.client(service, "trigger", "list", "-n", "team")
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, r"(?m)^team/hourly/hour +Schedule +ready +\d{4}-")
        self.assertRegex(done.stdout, r"(?m)^team/hourly/hook +Webhook +ready")
        done = self.client(service, "trigger", "next", "team/hourly/hour", "-c", "3", "-o", "name")
        self.assertRegex(done.stdout, r"\A(\d{4}-\d\d-\d\dT\d\d:00:00Z\n){3}\Z")
        done = self.client(service, "trigger", "get", "team/hourly/our")
        self.assert_exit(done, 5)
        self.assertIn("it has hook, hour", done.stderr)
        for command in (["get", "team/nothing/hour"], ["list", "--flow", "team/nothing"]):
            done = self.client(service, "trigger", *command)
            self.assert_exit(done, 5)
            self.assertIn("Unable to find flow 'team'.'nothing'", done.stderr)
        self.assert_exit(self.client(service, "trigger", "get", "hourly"), 3)
        self.assert_exit(self.client(service, "trigger", "unlock", "team/hourly/hour"), 6)
        self.assert_exit(self.client(service, "trigger", "next", "team/hourly/hook"), 6)
        self.deploy(service, TOGGLE)
        self.assert_exit(self.client(service, "exec", "start", "team/toggling", "--wait"), 0)
        self.assertTrue(self.trigger(service, "team/hourly/hour")["disabled"])
        self.assert_exit(self.client(service, "trigger", "enable", "team/hourly/hour"), 0)
        self.assertFalse(self.trigger(service, "team/hourly/hour")["disabled"])

    def ask(self, service, key, body):
        url = f"http://{service.http}/api/v1/main/executions/webhook/team/hooked/{key}?q=1"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body.encode()), timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def test_a_webhook_starts_its_flow_and_answers_with_its_outputs(self):
        service = self.standalone()
        self.deploy(service, HOOK)
        self.assertEqual(self.ask(service, "hooked-4711", '{"who": "you"}'), (201, {"word": "hello you"}))
        self.assertEqual(self.ask(service, "hooked-4711", '{"who": "nobody"}')[0], 409)
        self.assertEqual(self.ask(service, "hooked-4712", '{"who": "you"}')[0], 404)
        self.deploy(service, HOOK.replace("    wait: true\n", "").replace("    responseCode: 201\n", ""))
        status, execution = self.ask(service, "hooked-4711", '{"who": "me"}')
        self.assertEqual((status, execution["flowId"]), (200, "hooked"))
        self.assertEqual(execution["trigger"]["variables"]["parameters"], {"q": ["1"]})
        self.assertIn(execution["id"], execution["url"])
        self.assertEqual(len(self.wait_for(service, "hooked", 2)), 2)
        self.deploy(service, HOOK + "disabled: true\n")
        self.assertEqual(self.ask(service, "hooked-4711", '{"who": "you"}')[0], 409)

    def test_a_run_without_a_server_starts_no_trigger(self):
        done = self.call("run", self.write("flow.yaml", HOURLY), "-q")
        self.assert_exit(done, 0)
        done = self.call("flow", "validate", self.write("flow.yaml", HOURLY.replace('"0 * * * *"', '"0 25 * * *"')))
        self.assert_exit(done, 3)
        self.assertIn("triggers[0].cron", done.stderr + done.stdout)


if __name__ == "__main__":
    main()
