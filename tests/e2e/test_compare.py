"""What tools/compare calls a fault: another end, a client that fails, too many requests."""

import unittest

import compare
import poll_cost


def one(client, charged=2, codes=(0,), **changes):
    run = dict({"workflow": "main.yml", "branch": "b0", "conclusion": "success", "reruns": 0}, **changes)
    return {"client": client, "charged": charged, "codes": list(codes), "state": [run]}


class Compare(unittest.TestCase):
    def test_equal_ends_and_few_requests_are_no_fault(self):
        found = [one("gh", 528), one("devtools", 42), one("headrace", 3)]
        self.assertEqual(list(compare.faults_of(found, plain=True)), [])

    def test_another_end_is_a_fault(self):
        for change in ({"conclusion": "failure"}, {"reruns": 1}, {"branch": "b1"}):
            with self.subTest(change=change):
                faults = list(compare.faults_of([one("gh", **change), one("headrace")], plain=True))
                self.assertEqual(len(faults), 1)
                self.assertIn("gh leaves another end", faults[0])

    def test_a_client_that_fails_is_a_fault(self):
        self.assertEqual(len(list(compare.faults_of([one("devtools", codes=(0, 1)), one("headrace")], plain=True))), 1)

    def test_headrace_may_not_ask_often(self):
        self.assertIn("more than 3", "".join(compare.faults_of([one("headrace", 4)], plain=True)))
        self.assertEqual(list(compare.faults_of([one("headrace", 5)], plain=False)), [])

    def test_what_is_not_installed_is_named(self):
        self.assertIn("npm", compare.clients(None)["devtools"])
        self.assertIsNone(compare.clients("somewhere")["devtools"])

    def test_only_the_flaky_runs_have_a_red_job(self):
        args = poll_cost.parse(["--client", "gh", "--flaky", "1"])
        self.assertEqual(poll_cost.plan(args, True)["jobs"][-1]["conclusions"], ["failure", "success"])
        self.assertNotIn("conclusions", str(poll_cost.plan(args, False)))


if __name__ == "__main__":
    unittest.main()
