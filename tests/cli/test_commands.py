#!/usr/bin/env python3
"""What one command prints and how it exits."""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import BINARY, LOG_FLOW, BinaryTest, main  # noqa: E402

SHELL_FLOW = """id: shell
namespace: team
inputs:
  - id: NAME
    type: STRING
tasks:
  - id: script
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - %s
outputs:
  - id: name
    type: STRING
    value: "{{ inputs.NAME }}"
"""

LOOP_FLOW = """id: loop
namespace: team
tasks:
  - id: poll
    type: io.kestra.plugin.core.flow.LoopUntil
    condition: "{{ outputs.poll.iterationCount > 2 }}"
    checkFrequency:
      interval: PT5M
      maxDuration: PT6H
    tasks:
      - id: look
        type: io.kestra.plugin.core.debug.Return
        format: "{{ outputs.poll.iterationCount }}"
"""

BIG_FLOW = """id: big
namespace: team
tasks:
  - id: script
    type: io.kestra.plugin.scripts.shell.Script
    script: |
      printf '::{"outputs":{"big":"'
      head -c 5000000 /dev/zero | tr '\\0' 0
      echo '"}}::'
"""

PARENT_FLOW = """id: parent
namespace: team
tasks:
  - id: sub
    type: io.kestra.plugin.core.flow.Subflow
    namespace: team
    flowId: %s
    wait: true
    transmitFailed: true
"""


class Run(BinaryTest):
    def run_flow(self, text, *argv, **more):
        return self.call("run", self.write("flow.yaml", text), *argv, **more)

    def test_success_is_0_and_the_summary_is_on_stdout(self):
        done = self.run_flow(LOG_FLOW.format(id="one", message="hi"))
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, r"(?m)^one +✔ SUCCESS")
        self.assertRegex(done.stdout, r"(?m)^  say +✔ SUCCESS")
        self.assertRegex(done.stderr, r"(?m)^\d\d:\d\d:\d\d INFO  say \| hi$")

    def test_json_is_one_document_and_nothing_else_on_stdout(self):
        done = self.run_flow(SHELL_FLOW % "'echo out of the script'", "-i", "NAME=x=[1,2]", "-o", "json")
        self.assert_exit(done, 0)
        execution = json.loads(done.stdout)
        self.assertEqual(execution["inputs"], {"NAME": "x=[1,2]"})
        self.assertEqual(execution["outputs"], {"name": "x=[1,2]"})
        self.assertEqual((execution["namespace"], execution["flowId"], execution["flowRevision"]), ("team", "shell", 1))
        self.assertEqual(execution["state"]["current"], "SUCCESS")
        self.assertEqual(execution["state"]["histories"][0]["state"], "CREATED")
        run = execution["taskRunList"][0]
        self.assertEqual((run["taskId"], run["state"]["current"], run["outputs"]["exitCode"]), ("script", "SUCCESS", 0))
        self.assertEqual(run["attempts"][0]["state"]["current"], "SUCCESS")
        self.assertIn("out of the script", done.stderr)

    def test_yaml_is_the_same_document(self):
        done = self.run_flow(LOG_FLOW.format(id="one", message="hi"), "-o", "yaml")
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, r"(?m)^flowId: one$")

    def test_a_failed_run_is_10_and_shows_the_place(self):
        done = self.run_flow(SHELL_FLOW % "'echo before the end; exit 3'", "-i", "NAME=x")
        self.assert_exit(done, 10)
        self.assertIn("✖ script FAILED", done.stderr)
        self.assertIn("exit code 3", done.stderr)
        self.assertIn("│ before the end", done.stderr)

    def test_more_log_than_a_window_holds_comes_to_its_end(self):
        done = self.run_flow(SHELL_FLOW % "'yes $(printf %01000d 7) | head -6000; echo END-OF-IT'", "-i", "NAME=x")
        self.assert_exit(done, 0)
        self.assertEqual(done.stderr.count("00007"), 6000)
        self.assertIn("END-OF-IT", done.stderr)
        self.assertIn("Flow completed", done.stderr)

    def test_outputs_that_are_too_large_fail_the_task(self):
        done = self.run_flow(BIG_FLOW, "-q")
        self.assert_exit(done, 10)
        self.assertIn("OUTPUT_TOO_LARGE", done.stderr)

    def test_what_is_left_of_a_store_is_one_file(self):
        data = os.path.join(self.folder, "data")
        self.assert_exit(self.run_flow(LOG_FLOW.format(id="one", message="hi"), "--data", data), 0)
        self.assertNotIn("headrace.db-wal", os.listdir(data))

    def test_a_bad_flow_is_3_with_file_line_and_column(self):
        done = self.run_flow("id: bad\nnamespace: team\ntasks:\n  - id: say\n    type: io.kestra.plugin.core.log.Logg\n")
        self.assert_exit(done, 3)
        self.assertRegex(done.stderr, r"flow\.yaml:5:\d+: .*io\.kestra\.plugin\.core\.log\.Log\b")
        self.assertEqual(done.stdout, "")

    def test_a_bad_flow_behind_another_is_told_with_its_line_in_the_file(self):
        bad = "id: bad\nnamespace: team\ntasks:\n  - id: say\n    type: no.such.Type\n"
        done = self.run_flow(LOG_FLOW.format(id="one", message="hi") + "---\n" + bad)
        self.assert_exit(done, 3)
        self.assertRegex(done.stderr, r"flow\.yaml:12:\d+: ")

    def test_a_missing_file_is_told(self):
        done = self.call("run", "nowhere.yaml")
        self.assert_exit(done, 5)
        self.assertIn("nowhere.yaml", done.stderr)

    def test_a_missing_input_is_3_and_named(self):
        done = self.run_flow(SHELL_FLOW % "'true'")
        self.assert_exit(done, 3)
        self.assertIn("NAME", done.stderr)

    def test_inputs_come_from_flag_then_file_then_environment(self):
        path = self.write("inputs.yml", "NAME: file\n")
        flow = SHELL_FLOW % "'true'"
        for argv, want in ((["-I", path, "-i", "NAME=flag"], "flag"), (["-I", path], "file"), ([], "environment")):
            done = self.run_flow(flow, *argv, "-o", "json", HEADRACE_INPUT_NAME="environment")
            self.assert_exit(done, 0)
            self.assertEqual(json.loads(done.stdout)["inputs"]["NAME"], want)

    def test_inputs_come_from_standard_input(self):
        done = self.run_flow(SHELL_FLOW % "'true'", "-I", "-", "-o", "json", stdin='{"NAME": "piped"}')
        self.assert_exit(done, 0)
        self.assertEqual(json.loads(done.stdout)["inputs"]["NAME"], "piped")

    def test_a_subflow_is_found_in_a_folder(self):
        self.write("more/child.yaml", LOG_FLOW.format(id="child", message="from the child"))
        self.write("more/broken.yaml", "id: broken\n")
        done = self.run_flow(PARENT_FLOW % "child", "--flows", os.path.join(self.folder, "more"))
        self.assert_exit(done, 0)
        self.assertRegex(done.stderr, r"INFO  sub › say \| from the child")
        self.assertIn("broken.yaml is left out", done.stderr)
        self.assertRegex(done.stdout, r"(?m)^      say +✔ SUCCESS")

    def test_a_template_is_taken_in_where_its_folder_is_given(self):
        flow = "id: f\nnamespace: demo\ntasks:\n  - {id: t, type: io.kestra.plugin.core.flow.Template, namespace: demo, templateId: say}\n"
        self.write("templates/say.yaml", "id: say\nnamespace: demo\ntasks:\n"
                   "  - {id: hello, type: io.kestra.plugin.core.log.Log, message: from the template}\n")
        refused = self.run_flow(flow)
        self.assert_exit(refused, 3)
        self.assertIn("--templates DIR", refused.stderr)
        done = self.run_flow(flow, "--templates", os.path.join(self.folder, "templates"))
        self.assert_exit(done, 0)
        self.assertIn("from the template", done.stderr)

    def test_an_unknown_subflow_fails_the_run_and_is_named(self):
        done = self.run_flow(PARENT_FLOW % "nobody")
        self.assert_exit(done, 10)
        self.assertIn("nobody", done.stderr)

    def test_a_loop_passes_five_minutes_in_a_scaled_clock(self):
        done = self.run_flow(LOOP_FLOW, "-o", "json", HEADRACE_TIME_SCALE="10000")
        self.assert_exit(done, 0)
        self.assertIn("next 05:00", done.stderr)
        self.assertIn("poll 1", done.stderr)
        runs = {run["taskId"]: run for run in json.loads(done.stdout)["taskRunList"]}
        self.assertEqual(runs["poll"]["outputs"]["iterationCount"], 3)

    def test_a_scale_that_is_no_number_is_told(self):
        done = self.run_flow(LOG_FLOW.format(id="one", message="hi"), HEADRACE_TIME_SCALE="fast")
        self.assert_exit(done, 3)
        self.assertIn("HEADRACE_TIME_SCALE", done.stderr)

    def test_a_timeout_is_13_and_ends_the_script(self):
        done = self.run_flow(SHELL_FLOW % "'sleep 600'", "-i", "NAME=x", "--timeout", "1s")
        self.assert_exit(done, 13)
        self.assertIn("asking the run to end", done.stderr)

    def test_a_timeout_that_is_none_is_a_usage_error(self):
        self.assert_exit(self.run_flow(LOG_FLOW.format(id="one", message="hi"), "--timeout", "soon"), 2)

    def test_an_interrupt_ends_the_run_and_is_130(self):
        path = self.write("flow.yaml", SHELL_FLOW % "'echo begun; sleep 600'")
        service = self.serve("run", path, "-i", "NAME=x")
        service.wait_for("| begun")
        code, seen = service.stop(signal.SIGINT)
        self.assertEqual(code, 130, seen)
        self.assertIn("KILLED", seen)

    def test_quiet_leaves_only_errors(self):
        done = self.run_flow(LOG_FLOW.format(id="one", message="hi"), "-q")
        self.assert_exit(done, 0)
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_colours_follow_the_environment(self):
        flow = LOG_FLOW.format(id="one", message="hi")
        self.assertNotIn("\x1b", self.run_flow(flow).stderr)
        self.assertIn("\x1b[", self.run_flow(flow, CLICOLOR_FORCE="1").stderr)
        self.assertNotIn("\x1b", self.run_flow(flow, CLICOLOR_FORCE="1", NO_COLOR="1").stderr)
        self.assertIn("\x1b[", self.run_flow(flow, "--color", "always", NO_COLOR="1").stderr)

    def test_ascii_has_no_other_signs(self):
        done = self.run_flow(LOG_FLOW.format(id="one", message="hi"), "--ascii")
        self.assertTrue((done.stdout + done.stderr).isascii())

    def test_a_secret_of_the_environment_is_used_and_never_shown(self):
        flow = SHELL_FLOW % "'test \"{{ secret(''TOKEN'') }}\" = open-sesame && echo the token is {{ secret(''TOKEN'') }}'"
        done = self.run_flow(flow, "-i", "NAME=x", "-o", "json", SECRET_TOKEN="b3Blbi1zZXNhbWU=")
        self.assert_exit(done, 0)
        self.assertIn("the token is ******", done.stderr)
        self.assertNotIn("open-sesame", done.stdout + done.stderr)

    def test_a_missing_secret_names_the_remedy(self):
        done = self.run_flow(LOG_FLOW.format(id="one", message="{{ secret('NOPE') }}"))
        self.assert_exit(done, 10)
        self.assertIn("Cannot find secret for key 'NOPE'. Set SECRET_NOPE (base64)", done.stderr)

    def test_an_encryption_key_that_is_none_is_told_at_once(self):
        for key, what in (("short!", "not base64"), ("c2hvcnQ=", "base64 of 5 bytes")):
            done = self.run_flow(LOG_FLOW.format(id="one", message="hi"), HEADRACE_ENCRYPTION_KEY=key)
            self.assert_exit(done, 3)
            self.assertIn(f"HEADRACE_ENCRYPTION_KEY is {what}, it must be base64 of 32", done.stderr)
            self.assertNotIn(key, done.stderr)

    def test_a_start_that_fails_leaves_no_folder(self):
        done = self.run_flow("id: bad\n", "--data", os.path.join(self.folder, "deep/er/data"))
        self.assert_exit(done, 3)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "deep")))
        os.makedirs(os.path.join(self.folder, "mine"))
        self.assert_exit(self.run_flow("id: bad\n", "--data", os.path.join(self.folder, "mine")), 3)
        self.assertTrue(os.path.exists(os.path.join(self.folder, "mine")))

    def test_data_keeps_the_run(self):
        data = os.path.join(self.folder, "data")
        self.assert_exit(self.run_flow(LOG_FLOW.format(id="one", message="hi"), "--data", data), 0)
        with open(os.path.join(data, "headrace.db"), "rb") as file:
            self.assertEqual(file.read(6), b"SQLite")

    def test_a_disk_that_is_full_ends_the_run_with_the_file_and_the_remedy(self):
        flow = self.write("flow.yaml", LOG_FLOW.format(id="one", message="hi"))

        def limit(size):
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        ends = []
        for kilobytes in range(4, 160, 12):
            done = subprocess.run([BINARY, "run", flow, "--data", os.path.join(self.folder, f"data-{kilobytes}")],
                                  env=self.environment(), capture_output=True, text=True, timeout=60, check=False,
                                  stdin=subprocess.DEVNULL, restore_signals=False,
                                  preexec_fn=lambda size=kilobytes * 1024: limit(size))
            ends.append(done.returncode)
            if done.returncode != 0:
                self.assertRegex(done.stderr, r"error: .*headrace\.db", f"{kilobytes} kB")
        # Too little room from the start, too little for the run, room enough.
        self.assertEqual(set(ends), {0, 1}, ends)

    def test_nothing_stays_in_the_temporary_folder_but_storage(self):
        self.run_flow(SHELL_FLOW % "'echo x > file'", "-i", "NAME=x")
        files = [os.path.join(at, name) for at, _, names in os.walk(self.folder) for name in names]
        self.assertEqual([path for path in files if path.endswith("/file")], [])


class Usage(BinaryTest):
    def test_wrong_usage_is_2_with_what_was_meant(self):
        for argv, meant in ((["exce"], "'exec'"), (["rnu", "x.yaml"], "'run'"), (["exec", "strat"], "'start'"),
                            (["run", "x.yaml", "--imput", "a=b"], "'--input'"), (["--serve", "x", "version"], "'--server'")):
            done = self.call(*argv)
            self.assert_exit(done, 2)
            self.assertIn(f"did you mean {meant}?", done.stderr, argv)
            self.assertEqual(done.stdout, "")

    def test_values_that_are_not_allowed_are_2(self):
        for argv in (["version", "-o", "pdf"], ["scheduler"], ["run"], ["worker", "--slots", "0"], ["standalone", "--grpc-port", "x"],
                     ["completion", "tcsh"], []):
            self.assert_exit(self.call(*argv), 2)

    def test_help_is_0_on_stdout(self):
        for argv, word in ((["--help"], "standalone"), (["run", "--help"], "--flows"), (["exec", "--help"], "watch"),
                           (["exec", "start", "-h"], "--watch")):
            done = self.call(*argv)
            self.assert_exit(done, 0)
            self.assertIn(word, done.stdout)

    def test_help_explains_a_verb(self):
        self.assertEqual(self.call("help").stdout, self.call("--help").stdout)
        self.assertEqual(self.call("help", "exec", "start").stdout, self.call("exec", "start", "--help").stdout)
        done = self.call("help", "exec", "strat")
        self.assert_exit(done, 2)
        self.assertIn("did you mean 'start'?", done.stderr)

    def test_version(self):
        self.assertEqual(self.call("--version").stdout, self.call("version").stdout)
        self.assertRegex(self.call("version").stdout, r"^headrace \d+\.\d+\.\d+\n$")
        self.assertIn("version", json.loads(self.call("version", "-o", "json").stdout))


class Expr(BinaryTest):
    def test_renders_as_text(self):
        done = self.call("expr", "{{ 1 + 2 }} {{ 'a' | upper }}")
        self.assertEqual((done.returncode, done.stdout), (0, "3 A\n"))

    def test_keeps_the_type_with_json(self):
        path = self.write("vars.json", '{"list": [1, "two", {"three": 3.5}]}')
        done = self.call("expr", "{{ list }}", "--vars", path, "-o", "json")
        self.assert_exit(done, 0)
        self.assertEqual(json.loads(done.stdout), [1, "two", {"three": 3.5}])
        self.assertEqual(json.loads(self.call("expr", "{{ 1 + 2 }}", "-o", "json").stdout), 3)

    def test_reads_variables_from_standard_input(self):
        done = self.call("expr", "{{ inputs.a }}", "--vars", "-", stdin='{"inputs": {"a": "b"}}')
        self.assertEqual((done.returncode, done.stdout), (0, "b\n"))

    def test_errors_are_3(self):
        for argv in (["{{ 1 + }}"], ["{{ nobody }}"], ["{{ a | nofilter }}"], ["x", "--vars", "nowhere.json"]):
            done = self.call("expr", *argv)
            self.assert_exit(done, 3)
            self.assertEqual(done.stdout, "")


class Machine(BinaryTest):
    def test_doctor_names_what_is_missing_and_how_to_get_it(self):
        os.mkdir(os.path.join(self.folder, "bin"))
        os.symlink(shutil.which("sh"), os.path.join(self.folder, "bin", "sh"))
        done = self.call("doctor", PATH=os.path.join(self.folder, "bin"))
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, r"✔ sh +\S+/bin/sh")
        self.assertRegex(done.stdout, r"⚠ jq +not found.*\n +-> apt-get install jq")
        self.assert_exit(self.call("doctor", PATH="/nowhere"), 1)

    def test_doctor_tells_names_of_secrets_never_values(self):
        done = self.call("doctor", "-o", "json", SECRET_GOOD="b3Blbi1zZXNhbWU=", HEADRACE_SECRET_PLAIN="swordfish")
        findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
        self.assertIn("SECRET_GOOD", findings["secrets"]["detail"])
        self.assertNotRegex(done.stdout, "b3Bl|open-sesame|swordfish")
        done = self.call("doctor", SECRET_BAD="!!!")
        self.assert_exit(done, 1)
        self.assertIn("SECRET_BAD is not base64", done.stdout)


class Completion(BinaryTest):
    def complete(self, *words):
        script = self.write("completion.bash", self.call("completion", "bash").stdout)
        line = "source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _headrace; echo ${COMPREPLY[@]}" % (
            script, " ".join(f"'{word}'" for word in words), len(words) - 1)
        return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout.split()

    def test_bash_completes_verbs_options_and_values(self):
        self.assertIn("standalone", self.complete("headrace", ""))
        self.assertEqual(self.complete("headrace", "exec", "sta"), ["start", "status"])
        self.assertIn("--watch", self.complete("headrace", "exec", "start", "--w"))
        self.assertEqual(self.complete("headrace", "exec", "list", "-o", "js"), ["json", "jsonl"])

    def test_every_shell_has_one(self):
        self.assertTrue(self.call("completion", "zsh").stdout.startswith("#compdef headrace"))
        fish = self.call("completion", "fish").stdout
        self.assertRegex(fish, r"(?m)^complete -c headrace .* -a standalone ")

    @unittest.skipUnless(shutil.which("fish") and shutil.which("zsh"), "needs fish and zsh")
    def test_the_shells_read_them(self):
        for shell in ("fish", "zsh"):
            path = self.write("completion." + shell, self.call("completion", shell).stdout)
            self.assertEqual(subprocess.run([shell, "-n", path], check=False).returncode, 0, shell)


if __name__ == "__main__":
    main()
