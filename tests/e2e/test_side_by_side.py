"""Tests side by side: all are run, what fails is told, what takes long begins first."""

import io
import threading
import unittest

import side_by_side


class Side(unittest.TestCase):
    def run_all(self, *methods, jobs=4):
        case = type("Case", (unittest.TestCase,), {f"test_{method.__name__}": method for method in methods})
        stream = io.StringIO()
        result = side_by_side.Runner(jobs, stream).run(unittest.defaultTestLoader.loadTestsFromTestCase(case))
        return result, stream.getvalue()

    def test_what_fails_is_told_with_its_trace(self):
        def good(case):
            pass

        def bad(case):
            case.assertEqual(1, 2, "one is not two")

        def broken(case):
            raise RuntimeError("no such thing")

        def left(case):
            case.skipTest("not here")
        result, said = self.run_all(good, bad, broken, left)
        self.assertFalse(result.wasSuccessful())
        self.assertEqual((result.testsRun, len(result.failures), len(result.errors), len(result.skipped)), (4, 1, 1, 1))
        for text in ("one is not two", "no such thing", "FAILED: 4 tests", "1 failures, 1 errors, 1 skipped"):
            self.assertIn(text, said)

    def test_a_failing_sub_test_is_a_failure(self):
        def some(case):
            for number in range(3):
                with case.subTest(number=number):
                    case.assertNotEqual(number, 1)
        self.assertFalse(self.run_all(some)[0].wasSuccessful())

    def test_they_run_at_once(self):
        together = threading.Barrier(3)

        def one(case):
            together.wait(30)
        two, three = (type(one)(one.__code__, one.__globals__, name, None, one.__closure__) for name in ("two", "three"))
        self.assertTrue(self.run_all(one, two, three, jobs=3)[0].wasSuccessful())

    def test_what_takes_long_begins_first(self):
        order = []

        def a_short(case):
            order.append("short")

        @side_by_side.takes(9)
        def z_long(case):
            order.append("long")
        self.assertTrue(self.run_all(a_short, z_long, jobs=1)[0].wasSuccessful())
        self.assertEqual(order, ["long", "short"])

    def test_fixtures_of_a_class_are_refused(self):
        def good(case):
            pass
        case = type("Case", (unittest.TestCase,), {"test_good": good, "setUpClass": classmethod(lambda cls: None)})
        with self.assertRaises(TypeError):
            side_by_side.Runner(1, io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(case))


if __name__ == "__main__":
    unittest.main()
