"""A worker whose disk is full (FAILURES, row 19): the task fails with the file and the reason, the worker stays."""
import json
import os

from binary import ClusterTest, main

MEGABYTES = 3

FLOW = """id: full
namespace: team
tasks:
  - id: stored
    type: io.kestra.plugin.scripts.shell.Commands
    allowFailure: true
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    outputFiles: [half.bin]
    commands: ["head -c 2000000 /dev/zero > half.bin"]
  - id: written
    type: io.kestra.plugin.scripts.shell.Commands
    allowFailure: true
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    commands: ["head -c 9000000 /dev/zero > all.bin"]
  - id: large
    type: io.kestra.plugin.core.storage.Write
    allowFailure: true
    content: "{{ range(0, 600000) }}"
  - id: small
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    outputFiles: [few.txt]
    commands: ["echo enough > few.txt"]
  - {id: seen, type: io.kestra.plugin.core.debug.Return, format: "{{ read(outputs.small.outputFiles['few.txt']) }}"}
"""


def with_small_disk(folder):
    """A command that runs another one which sees a file system of its own at `folder`."""
    mount = f'mount -t tmpfs -o size={MEGABYTES}m none "$0" && exec "$@"'
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *own, "sh", "-c", mount, folder]


class FullDisk(ClusterTest):
    def test_the_task_fails_with_the_file_and_the_reason_and_the_worker_stays(self):
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        scheduler = self.scheduler()
        worker = self.serve("worker", "--scheduler", scheduler.queue, "--work-dir", disk, through=with_small_disk(disk))
        worker.wait_for("worker is ready")
        self.deploy(scheduler, FLOW)
        done = self.client(scheduler, "exec", "start", "team/full", "--watch", "-o", "json")
        execution = json.loads(done.stdout)
        runs = {run["taskId"]: run for run in execution["taskRunList"]}
        said = self.client(scheduler, "exec", "logs", execution["id"]).stdout
        self.assertEqual({task: run["state"]["current"] for task, run in runs.items()},
                         {"stored": "WARNING", "written": "WARNING", "large": "WARNING", "small": "SUCCESS", "seen": "SUCCESS"},
                         said)
        self.assertRegex(said, r"half\.bin.*No space left on device")
        self.assertIn("No space left on device", said.split("written", 1)[1].split("large", 1)[0])
        self.assertEqual(runs["seen"]["outputs"]["value"].strip(), "enough")
        self.assertEqual(worker.stop()[0], 0)


if __name__ == "__main__":
    main()
