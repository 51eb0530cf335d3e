"""The stand-in commands alone: the flow's own script text, rendered by hand, under bubblewrap."""

import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scenarios  # noqa: E402
from harness import ROOT, TOKEN, Sandbox, Standin  # noqa: E402

FLOW = os.path.join(ROOT, "tests", "data", "release-flows", "release-oss.yaml")


def rendered():
    """(script of start_release, command of check_status_command) for version 1.0.3."""
    with open(FLOW, encoding="utf-8") as file:
        text = file.read()
    text = text.replace("{{inputs.VERSION_TO_RELEASE}}", "1.0.3")
    text = text.replace('{{secret("GITHUB_TOKEN")}}', TOKEN)
    script = re.search(r"script: \|\n((?:      .*\n)+)", text).group(1)
    return re.sub(r"(?m)^      ", "", script), re.search(r"- (npx .*)", text).group(1)


@unittest.skipUnless(shutil.which("bwrap"), "bubblewrap is not installed")
class StandInCommands(unittest.TestCase):
    def start(self, document):
        self.github = Standin(document)
        self.addCleanup(self.github.stop)
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.remove)

    def shell(self, text):
        return subprocess.run(
            self.sandbox.command(["/bin/sh", "-c", "set -e\n" + text]), capture_output=True,
            text=True, timeout=60, check=False,
            env=self.sandbox.environment(GITHUB_API_URL=self.github.url))

    def test_the_release_starts_once_and_polls_to_green(self):
        script, poll = rendered()
        self.start(scenarios.one({"reads": [2, 1],
                                  "jobs": scenarios.jobs(("failure", "success"))}))
        started = self.shell(script)
        self.assertEqual(started.returncode, 0, started.stderr)
        self.assertIn("Tag does not exist", started.stdout)
        polls = [self.shell(poll) for _ in range(3)]
        self.assertEqual([p.returncode for p in polls], [1, 1, 0], polls[0].stderr)
        self.assertIn("v1.0.3 > success", polls[2].stdout)
        self.assertEqual(self.github.runs("kestra-io/kestra", "pre-release.yml")[0]["run_attempt"],
                         2)
        again = self.shell(script)
        self.assertEqual(again.returncode, 1)
        self.assertIn("Tag already exists", again.stdout)

    def test_a_poll_before_the_run_is_there_fails(self):
        self.start(scenarios.one({}))
        self.assertEqual(self.shell(rendered()[1]).returncode, 1)

    def test_gh_is_not_there_before_it_is_installed(self):
        self.start(scenarios.one({}))
        self.assertEqual(self.shell("apt install gh -y").returncode, 100)

    def test_a_source_that_another_script_is_rewriting_is_waited_for(self):
        self.start(scenarios.one({}))
        folder = "mkdir -p /etc/apt/sources.list.d; cd /etc/apt; echo key >key\n"
        source = "deb [arch=amd64 signed-by=/etc/apt/key] https://cli.github.com/packages stable main"
        rewritten = self.shell(
            f"{folder} : >sources.list.d/github-cli.list; apt install gh -y & installing=$!\n"
            f"sleep 0.5; echo '{source}' >sources.list.d/github-cli.list; wait $installing")
        self.assertEqual(rewritten.returncode, 0, rewritten.stderr)
        given_up = self.shell(f"{folder} : >sources.list.d/github-cli.list\n"
                              "E2E_REWRITE_SECONDS=1 apt install gh -y")
        self.assertEqual(given_up.returncode, 100)

    def test_the_machine_is_left_alone(self):
        self.start(scenarios.one({}))
        self.assertEqual(self.shell(rendered()[0]).returncode, 0)
        self.assertFalse(os.path.exists("/etc/apt/sources.list.d/github-cli.list"))
        self.assertNotEqual(self.shell("touch /etc/headrace-was-here").returncode, 0)


if __name__ == "__main__":
    unittest.main()
