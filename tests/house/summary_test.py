#!/usr/bin/env python3
"""The demo's summary: running is what a worker had, waiting is the rest, loops and subflows are counted through."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import summary  # noqa: E402


def state(*changes):
    return {"current": changes[-1][0],
            "histories": [{"state": name, "date": f"2026-01-01T00:00:{second:02d}.000Z"} for name, second in changes]}


def task(name, changes, attempts=(), **more):
    return {"id": name, "taskId": name.split("-")[0], "state": state(*changes),
            "attempts": [{"state": state(*attempt)} for attempt in attempts], **more}


class Summary(unittest.TestCase):
    def rows(self, root, *others):
        executions = {execution["id"]: execution for execution in (root, *others)}
        return {cells[0].strip(): cells[1:] for cells in summary.Run(root, executions).rows()}

    def test_running_and_waiting_are_apart(self):
        rows = self.rows({"id": "a", "flowId": "f", "state": state(("CREATED", 0), ("RUNNING", 0), ("SUCCESS", 10)),
                          "taskRunList": [task("t", [("CREATED", 0), ("SUCCESS", 10)],
                                               [[("CREATED", 2), ("RUNNING", 3), ("FAILED", 4)],
                                                [("CREATED", 7), ("RUNNING", 7), ("SUCCESS", 9)]])]})
        self.assertEqual(rows["t"], ("SUCCESS", "2", "", "10.00 s", "3.00 s", "7.00 s"))

    def test_a_loop_counts_its_iterations_and_parallel_time_once(self):
        one = [("CREATED", 0), ("SUCCESS", 5)]
        rows = self.rows({"id": "a", "flowId": "f", "state": state(*one), "taskRunList": [
            task("loop", [("CREATED", 0), ("SUCCESS", 9)]),
            task("look-1", one, [[("RUNNING", 0), ("FAILED", 4)]], parentTaskRunId="loop", iteration=0),
            task("look-2", one, [[("RUNNING", 2), ("SUCCESS", 6)]], parentTaskRunId="loop", iteration=1)]})
        self.assertEqual(rows["loop"], ("SUCCESS", "", "2", "9.00 s", "6.00 s", "3.00 s"))
        self.assertIn("look #2", rows)

    def test_a_subflow_is_shown_inside_its_task_run(self):
        whole = [("CREATED", 0), ("SUCCESS", 8)]
        child = {"id": "b", "flowId": "g", "state": state(*whole),
                 "taskRunList": [task("u", whole, [[("RUNNING", 1), ("SUCCESS", 3)]])]}
        root = {"id": "a", "flowId": "f", "state": state(*whole),
                "taskRunList": [task("sub", whole, outputs={"executionId": "b"})]}
        self.assertEqual(self.rows(root, child)["sub"], ("SUCCESS", "", "", "8.00 s", "2.00 s", "6.00 s"))
        self.assertEqual([cells[0] for cells in summary.Run(root, {"a": root, "b": child}).rows()],
                         ["f", "  sub", "    g", "      u"])

    def test_the_table_lines_up(self):
        lines = list(summary.table([("a", "SUCCESS", "1", "", "1.00 s", "1.00 s", "0.00 s")]))
        self.assertEqual(lines[0].index("state"), lines[1].index("SUCCESS"))
        self.assertTrue(lines[0].endswith("waiting") and lines[1].endswith("0.00 s"))


if __name__ == "__main__":
    unittest.main()
