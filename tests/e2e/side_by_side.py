"""unittest.main for suites whose tests mostly wait: several at once, each with its own stand-in, folder and processes.

  import side_by_side; side_by_side.main()      -v, names of tests and the like as with unittest.main; E2E_JOBS=1: one at a time
A test may say how long it takes, `@side_by_side.takes(20)`: those begin first. Prints a line a test with its seconds.
"""

import concurrent.futures
import os
import sys
import time
import unittest

JOBS = 4


def takes(seconds):
    def mark(method):
        method.takes = seconds
        return method
    return mark


def _flat(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from _flat(one)
        else:
            yield one


def _takes(test):
    return getattr(getattr(test, getattr(test, "_testMethodName", ""), None), "takes", 0)


class Runner:
    """As unittest.TextTestRunner, of tests without fixtures of their class."""

    def __init__(self, jobs=None, stream=None):
        self._jobs = jobs or int(os.environ.get("E2E_JOBS", JOBS))
        self._stream = stream or sys.stderr

    def run(self, suite):
        tests = sorted(_flat(suite), key=_takes, reverse=True)
        for case in {type(test) for test in tests}:
            if "setUpClass" in vars(case):
                raise TypeError(f"{case.__name__} has setUpClass, which is not called here")
        began, together = time.monotonic(), unittest.TestResult()
        with concurrent.futures.ThreadPoolExecutor(self._jobs) as pool:
            for test, result, seconds in pool.map(self._one, tests):
                self._say(test, result, seconds)
                for kind in ("failures", "errors", "skipped", "expectedFailures", "unexpectedSuccesses"):
                    getattr(together, kind).extend(getattr(result, kind))
                together.testsRun += result.testsRun
        for kind in ("errors", "failures"):
            for test, trace in getattr(together, kind):
                print("=" * 70, f"{kind[:-1].upper()}: {test}", "-" * 70, trace, sep="\n", file=self._stream)
        ended = "OK" if together.wasSuccessful() else "FAILED"
        print(f"{ended}: {together.testsRun} tests in {time.monotonic() - began:.1f} s, {self._jobs} at once, "
              f"{len(together.failures)} failures, {len(together.errors)} errors, {len(together.skipped)} skipped",
              file=self._stream)
        return together

    def _one(self, test):
        result, began = unittest.TestResult(), time.monotonic()
        test.run(result)
        return test, result, time.monotonic() - began

    def _say(self, test, result, seconds):
        word = "ok" if result.wasSuccessful() else "FAILED"
        print(f"{word:<7}{seconds:6.1f} s  {test}", file=self._stream, flush=True)


def main():
    unittest.main(module="__main__", testRunner=Runner())
