#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of check: how jobs are ordered, judged and summed up."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
import unittest.mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check
import check_jobs
import report_tap
from check_jobs import Job, Result


def sh(text):
    return ["sh", "-c", text]


LAST = "pasidcheck: 2 passed, {} failed, 1 skipped"


class Jobs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.runner = check_jobs.Runner(self.folder.name, 2)

    def run_all(self, *jobs):
        """{name: Result} and what was printed."""
        out = io.StringIO()
        self.runner.add(jobs)
        with contextlib.redirect_stdout(out):
            self.runner.run()
            check_jobs.show_table(self.runner)
            check_jobs.show_failures(self.runner)
        return self.runner.results, out.getvalue()

    def test_plain_jobs(self):
        results, out = self.run_all(Job("good", sh("true")), Job("bad", sh("echo reason; exit 3")))
        self.assertEqual((results["good"].passed, results["bad"].passed), (True, False))
        self.assertIn("reason", out)
        self.assertEqual(check_jobs.total(results.values()), (0, 1, 0))

    def test_counting_jobs(self):
        results, _ = self.run_all(
            Job("good", sh(f"echo '{LAST.format(0)}'"), counts=True),
            Job("bad", sh(f"echo '{LAST.format(3)}'; exit 5"), counts=True),
            Job("all-skipped", sh("echo 'pasidcheck: 0 passed, 0 failed, 4 skipped'; exit 3"), counts=True),
            Job("silent", sh("true"), counts=True),
            Job("lies", sh(f"echo '{LAST.format(1)}'"), counts=True),
            Job("crashes", sh(f"echo '{LAST.format(0)}'; exit 6"), counts=True))
        self.assertEqual({name for name, r in results.items() if r.passed}, {"good", "all-skipped"})
        self.assertEqual(check_jobs.total(results.values()), (8, 3 + 1 + 1 + 1, 8))

    def test_a_job_that_waits_takes_no_place(self):
        path = os.path.join(self.folder.name, "go")
        poll = f"for i in $(seq 600); do test -f {path} && exit 0; sleep 0.05; done; exit 1"
        self.runner.workers = 1
        results, _ = self.run_all(Job("waits", sh(poll), waits=True), Job("goes", sh(f"touch {path}")))
        self.assertTrue(results["waits"].passed)

    def test_a_job_waits_for_what_it_needs(self):
        path = os.path.join(self.folder.name, "made")
        results, _ = self.run_all(Job("user", sh(f"test -f {path}"), needs=["maker"]),
                                  Job("maker", sh(f"sleep 0.2; touch {path}")))
        self.assertTrue(results["user"].passed)

    def test_a_job_whose_need_failed_is_one_failed(self):
        results, out = self.run_all(Job("maker", sh("false")), Job("user", sh("true"), needs=["maker"]),
                                    Job("reader", lambda: Result(True), after=["maker"]))
        self.assertEqual(results["user"].words, "not run: maker failed")
        self.assertTrue(results["reader"].passed)
        self.assertEqual(check_jobs.total(results.values()), (0, 2, 0))
        self.assertIn("not run", out)

    def test_jobs_that_come_up_later(self):
        results, _ = self.run_all(Job("first", sh("true"), then=lambda _: [Job("later", sh("true"))]), Job("last", sh("true")))
        self.assertEqual([job.name for job in self.runner.jobs], ["first", "later", "last"])
        self.assertEqual(len(results), 3)

    def test_timeout(self):
        results, _ = self.run_all(Job("hangs", sh("sleep 60"), timeout=0.2))
        self.assertEqual((results["hangs"].passed, results["hangs"].words), (False, "no end after 0.2 s"))

    def test_a_program_that_is_not_there(self):
        results, _ = self.run_all(Job("gone", ["/nowhere/program"]))
        self.assertFalse(results["gone"].passed)

    def test_skipped_is_held_against_nobody(self):
        results, _ = self.run_all(Job("absent", lambda: Result(None, "no tool")))
        self.assertEqual(check_jobs.total(results.values()), (0, 0, 0))

    def test_excerpt_has_the_failed_cases(self):
        tap = os.path.join(self.folder.name, "x.tap")
        report = "ok 1 - a\n# fine\nnot ok 2 - b\n# fail: why\nnot ok 3 - c # TODO E-001 x\n# known\nok 4 - d\n"
        results, out = self.run_all(Job("host", sh(f"printf '{report}'; exit 5"), tap=tap, save_tap=True))
        self.assertFalse(results["host"].passed)
        self.assertIn("not ok 2 - b\n    # fail: why\n", out)
        self.assertIn("FAILED host: exit code 5", out)
        self.assertEqual(out.count("# fail: why"), 2)
        self.assertNotIn("# known", out)


class Compare(unittest.TestCase):
    def verdict(self, one, two, virtual=True):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in "ab"]
            for path, text in zip(paths, (one, two)):
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
            return check.compare_logs(*paths, virtual)

    def test_same_and_different(self):
        self.assertTrue(self.verdict("a\nb\n", "a\nb\n").passed)
        self.assertIn("line 2", self.verdict("a\nb\n", "a\nc\n").words)
        self.assertFalse(self.verdict("a\nb\n", "a\n").passed)

    def test_real_times_are_left_out_and_virtual_ones_are_not(self):
        self.assertFalse(self.verdict("# time_us 3\n", "# time_us 2\n").passed)
        self.assertTrue(self.verdict("# time_us 100\n", "# time_us 2\n", virtual=False).passed)
        self.assertFalse(self.verdict("# time_us 13\n", "# other\n", virtual=False).passed)

    def test_a_report_that_is_not_there(self):
        self.assertFalse(check.compare_logs("/nowhere/a", "/nowhere/b", True).passed)


class SameLog(unittest.TestCase):
    """Four runs of one machine: two beside other jobs, and, where times alone differ, two alone."""

    def verdict(self, *logs):
        with tempfile.TemporaryDirectory() as folder:
            plan = check.Plan(folder, "vendor", 2)
            texts = iter(logs)

            def run(reports):
                os.makedirs(reports, exist_ok=True)
                with open(os.path.join(reports, check.TWICE + ".tap"), "w", encoding="utf-8") as f:
                    f.write(next(texts))

            run(plan.reports)
            run(os.path.join(plan.reports, "again"))
            plan.machine_command = lambda _, reports: sh(f"mkdir -p {reports}; echo '{next(texts)}' >{reports}/{check.TWICE}.tap")
            return plan.same_log(), len(list(texts))

    def test_equal_at_once(self):
        result, left = self.verdict("# time_us 3", "# time_us 3", "", "")
        self.assertEqual((result.passed, left), (True, 2))

    def test_a_difference_that_is_no_time_is_final(self):
        result, left = self.verdict("ok 1 - a", "ok 1 - b", "", "")
        self.assertEqual((result.passed, left), (False, 2))

    def test_times_are_judged_alone(self):
        result, left = self.verdict("# time_us 3", "# time_us 4", "# time_us 3", "# time_us 3")
        self.assertEqual((result.passed, left), (True, 0))
        self.assertIn("line 1 differs", result.words)
        self.assertFalse(self.verdict("# time_us 3", "# time_us 4", "# time_us 3", "# time_us 4")[0].passed)


class Plan(unittest.TestCase):
    def setUp(self):
        here = os.getcwd()
        os.chdir(check.ROOT)
        self.addCleanup(os.chdir, here)

    def test_the_matrix_has_every_machine_beside_nothing(self):
        jobs = list(check.Plan("build", "build/vendor", 2).matrix_jobs())
        machines = check.machines_cfg.names(check.machines_cfg.load(), "machine")
        self.assertEqual([job.name for job in jobs], [*machines, "orderings"])
        self.assertFalse(any(job.waits for job in jobs))
        self.assertFalse(any(word.startswith("only=") for job in jobs[:-1] for word in job.command))
        self.assertEqual(jobs[-1].after, machines)

    def test_every_bad_machine_and_every_unit_test_runs(self):
        plan = check.Plan("build", "build/vendor", 2)
        machines = [job.name for job in plan.machine_jobs()]
        self.assertLessEqual({"new-fs", "new-ss", "mid-fs", "mid-ss", "old-ss", "new-fs-mt", "silicon-like-part", "old-ss-mt-part", "bad-no-iommu"}, set(machines))
        self.assertLessEqual(set(check.RENDERED), set(machines))
        self.assertIn("python-check", [job.name for job in plan.python_jobs()])

    def test_render(self):
        here = os.getcwd()
        os.chdir(check.ROOT)
        self.addCleanup(os.chdir, here)
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as none:
            plan = check.Plan(folder, "vendor", 2)
            os.makedirs(plan.reports)
            page = os.path.join(plan.reports, "bad-cases.html")
            browser = os.path.join(none, "chromium")
            with open(page, "w", encoding="utf-8") as f:
                f.write("<head></head><body></body>")
            with open(page[:-5] + ".json", "w", encoding="utf-8") as f:
                json.dump(report_tap.parse("TAP version 13\n1..0\npasidcheck: 0 passed, 0 failed, 0 skipped\n"), f)
            with unittest.mock.patch.dict(os.environ, PATH=none):
                result = plan.render()
                self.assertIsNone(result.passed)
                self.assertIn("is on the PATH", result.words)
                with open(browser, "w", encoding="ascii") as f:
                    f.write("#!/bin/sh\nexit 9\n")
                os.chmod(browser, 0o755)
                self.assertIn("chromium exits with 9", plan.render().words)
                with open(browser, "w", encoding="ascii") as f:
                    seen = '{"errors": [], "word": "WORD", "suites": 0, "rows": 0, "timelines": 0, "drawn": 0}'.replace('"', "&quot;")
                    f.write(f"#!/bin/sh\necho '<body data-seen=\"{seen}\">'\n".replace("WORD", "fail"))
                result = plan.render()
                self.assertEqual((result.passed, "it says `fail`" in result.words), (False, True), result.words)
                with open(browser, "w", encoding="ascii") as f:
                    f.write(f"#!/bin/sh\necho '<body data-seen=\"{seen}\">'\n".replace("WORD", "all skipped"))
                self.assertEqual((plan.render().passed, plan.render().words), (True, "1 pages"))
                os.unlink(page)
                self.assertEqual((plan.render().passed, plan.render().words), (False, "there is no page"))


if __name__ == "__main__":
    unittest.main()
