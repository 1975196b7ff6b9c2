#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the report's readers and writers: report_tap.py, report_evidence.py, report_junit.py, report_html.py, diff.py."""

import html.parser
import json
import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import diff
import report
import report_draw
import report_evidence
import report_html
import report_junit
import report_tap
import report_vtd

DMA = "edu{0} 00:0{0}.0: wrote 64 bytes at 0x1000, aimed at 0xe000: {1} as sent, {1} changed, 0 changed beside; no status"
TAP = f"""boot noise
ok 1 - not ours
TAP version 13
1..7
# program: pasidcheck, firmware
# package: a 1
# package: b 2
# platform: qemu-11.1.3
# unit-0: base 0xfed90000 segment 0 version 1.0 cap 0x81d2008c222f0606 ecap 0x0000899800000f42 haw 48
# device: edu0 00:02.0, root bus, requester 0010
# cases: 7 of 5 bodies
# warn: said while the first case ran
ok 1 - acpi.mcfg
# time_us 59
ok 2 - acpi.spcr # SKIP CAP.CM = 0
# error: unit fed90000: queue error at slot 0
ok 3 - queue.refused
# time_us 161
not ok 4 - conf.retire/rid/edu # TODO E-001 P = 0 is <still> used
# fail: edu0 00:02.0: write of 64 bytes at 0x1000 (memory 0xe000): seen reached it, expected it to be denied
# {DMA.format(0, 64)}
# tables: edu0 00:00.0 write 0x1000 -> fault 59h, PASID entry P = 0, slot 0
# time_us 312000
not ok 5 - order.free/rid/edu
# fail: edu1 00:01.0: write of 64 bytes at 0x1000 (memory 0xe000): seen reached it, expected it to be denied
# {DMA.format(0, 64)}
# {DMA.format(1, 64)}
# {DMA.format(0, 0)}
# {DMA.format(1, 64)}
# tables: edu1 00:01.0 write 0x1000 -> 0xe000, leaf of level 1
# unit fed90000: GSTS c4000000 FSTS 00000000 RTADDR f87c400 IQH 140 IQT 140
# unit fed90000: queue -2: pc_inv pasid did=1 pasid=0
# unit fed90000: queue -1: inv_wait status=f87d004 data=2 if=0 fn=0 pd=0
# fault: 59h SPT.2 sid 00:00.0 write 1000: PASID table entry not present
# edu1 00:01.0: 00:01.0: root 0_113001 context 0_0_0_e9e0e01 slot 0 directory 115001 entry 0_0_0_0_0_0_1_43
# step 4: free id 0
# proves: both out of reach
# rows: 23
# flaws: S6 S10
# blame: driver, the tables in memory allow it
# replay: make run ARGS="only=order.free/rid/edu seed=1"
# time_us 627823
not ok 6 - harness.broken
# error: no memory
# blame: apparatus
# time_us 1
not ok 7 - conf.better
# unexpected-pass E-002
# time_us 2
# xfail 1, unexpected pass 1, error 1, dma-proven 1 (allowed 3, denied 4)
pasidcheck: 3 passed, 3 failed, 1 skipped
"""
ORDER = """TAP version 13
1..1
not ok 1 - order.enum_tables
# fail: step 3: references, entries or reach differ
# 3 steps, shortened from 3: references, entries or reach differ
# as rows of play.h:
# {OWNER_ALLOC, 0, 0, 0, "ALLOC:IDC", "--"},
# {OWNER_BIND, 0, 1, 0, "BIND:IDKC", "-0"},
# {OWNER_FREE, 0, 0, -EINPROGRESS, "FREE:C UNBIND:K FREE:DI", "--"}
# as it should be      result        refs    entries reach events
# order 1: alloc 0     0             1 .     --      --    ALLOC:IDC
# order 2: bind 0 on 1 0             2 .     -0      -0    BIND:IDKC
# order 3: free 0      -EINPROGRESS  . .     --      --    FREE:C UNBIND:K FREE:DI
# order seen:          -EINPROGRESS  1 .     -0      -0    FREE:C UNBIND:K FREE:DI
# time_us 7
# xfail 0, unexpected pass 0, error 0, dma-proven 0 (allowed 0, denied 0)
pasidcheck: 0 passed, 1 failed, 0 skipped
"""
GOOD = """TAP version 13
1..2
ok 1 - a.b
# time_us 1
ok 2 - a.c
# time_us 1
# xfail 0, unexpected pass 0, error 0, dma-proven 0 (allowed 0, denied 0)
pasidcheck: 2 passed, 0 failed, 0 skipped
"""
END = GOOD.replace("# xfail 0, unexpected pass 0, error 0", "# warn: unit fed90000: <late>\n# error: at the end: iommu_stop: -EIO\n"
                   "# xfail 0, unexpected pass 0, error 1").replace("2 passed, 0 failed", "2 passed, 1 failed")
KTAP = """KTAP version 1
1..3
# seed: 1
# cases: 3 of 3 bodies
# time_us 5
ok 1 a.b
ok 2 a.c # SKIP no engine
# error: no memory
# time_us 6
not ok 3 a.d # ERROR no memory
# xfail 0, unexpected pass 0, error 1, dma-proven 0 (allowed 0, denied 0)
pasidcheck: 1 passed, 1 failed, 1 skipped
"""


class Orders(unittest.TestCase):
    def setUp(self):
        case = report_tap.parse(ORDER, "host")["cases"][0]
        self.story = report_evidence.story(report_evidence.items(case))
        self.drawn = report_draw.evidence_of(case)

    def test_steps_and_reach(self):
        steps = [(event["n"], event["text"], event["wrong"]) for event in self.story if event["what"] == "step"]
        self.assertEqual(steps, [(1, "alloc 0 = 0", False), (2, "bind 0 on 1 = 0", False), (3, "free 0 = -EINPROGRESS", True)])
        tries = [(event["dev"], event["outcome"], event["wrong"]) for event in self.story if event["what"] == "dma"]
        self.assertEqual(tries, [("device 0", "denied", False), ("device 1", "denied", False), ("device 0", "denied", False),
                                 ("device 1", "reached", False), ("device 0", "denied", False), ("device 1", "reached", True)])

    def test_drawing(self):
        self.assertIn('class="timeline"', self.drawn)
        self.assertEqual(self.drawn.count('class="dma wrong"'), 1)
        self.assertEqual(self.drawn.count('class="step wrong"'), 1)


class Tap(unittest.TestCase):
    def setUp(self):
        self.report = report_tap.parse(TAP, "new-fs")
        self.cases = {case["name"]: case for case in self.report["cases"]}

    def test_all_verdicts(self):
        self.assertEqual([case["verdict"] for case in self.report["cases"]],
                         ["pass", "skip", "pass", "xfail", "fail", "error", "unexpected"])
        self.assertEqual(self.report["verdict"], "fail")
        self.assertEqual(self.report["sums"]["denied"], 4)
        self.assertEqual(self.report["last"], {"passed": 3, "failed": 3, "skipped": 1})

    def test_members(self):
        case = self.cases["order.free/rid/edu"]
        self.assertEqual((case["suite"], case["case"], case["lane"], case["engine"]), ("order", "free", "rid", "edu"))
        self.assertEqual((case["rows"], case["flaws"], case["time_us"]), (["23"], ["S6", "S10"], 627823))
        self.assertTrue(case["reason"].startswith("edu1 00:01.0: write"))
        self.assertTrue(case["blame"].startswith("driver"))
        self.assertEqual(self.cases["conf.retire/rid/edu"]["erratum"], "E-001")
        self.assertEqual(self.cases["conf.better"]["erratum"], "E-002")
        self.assertEqual(self.cases["acpi.spcr"]["reason"], "CAP.CM = 0")

    def test_how_a_board_replays(self):
        words = r"\EFI\pasidcheck\args.txt: only=order.free/rid/edu seed=1"
        one = report_tap.parse(TAP.replace('make run ARGS="only=order.free/rid/edu seed=1"', words))
        case = next(case for case in one["cases"] if case["replay"])
        self.assertEqual((case["name"], case["replay"]), ("order.free/rid/edu", words))
        self.assertIn(f"<pre class=replay>{words}</pre>", report_html.page(one))
        self.assertIn(f"replay: {words}", report_junit.junit(one).decode())

    def test_log_belongs_to_the_case_that_follows(self):
        self.assertEqual(self.cases["queue.refused"]["log"], ["error: unit fed90000: queue error at slot 0"])
        self.assertEqual(self.cases["acpi.mcfg"]["log"], ["warn: said while the first case ran"])
        self.assertNotIn("warn", self.report["header"])

    def test_header(self):
        self.assertEqual(report_tap.values(self.report, "package"), ["a 1", "b 2"])
        self.assertEqual(report_tap.value(self.report, "platform"), "qemu-11.1.3")
        self.assertEqual(self.report["header"]["cases"], "7 of 5 bodies")

    def test_cut_off(self):
        self.assertEqual(report_tap.parse(TAP[:TAP.index("not ok 6")])["verdict"], "crash")
        self.assertEqual(report_tap.parse("TAP version 13\n1..2\nok 1 - a.b\npasidcheck: 1 passed, 0 failed, 0 skipped")["verdict"],
                         "crash")

    def test_ktap(self):
        ktap = report_tap.parse(KTAP)
        self.assertEqual([case["verdict"] for case in ktap["cases"]], ["pass", "skip", "error"])
        self.assertEqual([case["time_us"] for case in ktap["cases"]], [5, None, 6])
        self.assertEqual((ktap["verdict"], ktap["header"]), ("error", {"seed": "1", "cases": "3 of 3 bodies"}))

    def test_verdicts_of_good_runs(self):
        good = "TAP version 13\n1..1\nok 1 - a.b{}\npasidcheck: 0 passed, 0 failed, 0 skipped\n"
        self.assertEqual(report_tap.parse(good.format(""))["verdict"], "pass")
        self.assertEqual(report_tap.parse(good.format(" # SKIP x"))["verdict"], "skip")

    def test_lines_behind_the_last_case_are_kept(self):
        one = report_tap.parse(END)
        self.assertEqual(one["end"], ["warn: unit fed90000: <late>", "error: at the end: iommu_stop: -EIO"])
        self.assertEqual((one["verdict"], report_tap.verdict(one)), ("error", ("error", "at the end: iommu_stop: -EIO")))
        self.assertEqual(report_tap.parse(TAP)["end"], [])
        ktap = report_tap.parse(KTAP.replace("# xfail 0", "# error: at the end: x\n# xfail 0"))
        self.assertEqual(ktap["end"], ["error: at the end: x"])
        failed = TAP.replace("# xfail 1", "# error: at the end: x\n# xfail 1").replace("error 1", "error 2").replace("3 failed", "4 failed")
        self.assertEqual(report_tap.parse(failed)["verdict"], "fail")

    def test_lines_of_a_case_that_never_ended_are_kept(self):
        cut = report_tap.parse(TAP[:TAP.index("not ok 4")] + "# error: unit fed90000: hung\n")
        self.assertEqual((cut["end"], cut["verdict"]), (["error: unit fed90000: hung"], "crash"))
        self.assertEqual(report_tap.verdict(cut)[1], "the report ends after 3 of 7 cases; unit fed90000: hung")

    def test_no_report(self):
        with self.assertRaises(report_tap.ReportError):
            report_tap.parse("ok 1 - a\n")
        with self.assertRaises(report_tap.ReportError):
            report_tap.load("/nowhere/x.tap")


class Evidence(unittest.TestCase):
    def setUp(self):
        self.cases = {case["name"]: case for case in report_tap.parse(TAP)["cases"]}
        self.found = report_evidence.items(self.cases["order.free/rid/edu"])

    def test_every_line_is_known(self):
        self.assertEqual([one["text"] for one in self.found if one["kind"] == "text"], [])

    def test_story(self):
        story = report_evidence.story(self.found)
        self.assertEqual([event["what"] for event in story], ["dma", "dma", "step", "dma", "dma"])
        self.assertEqual([event["outcome"] for event in story if event["what"] == "dma"], ["reached", "reached", "denied", "reached"])
        self.assertEqual([event.get("wrong") for event in story], [False, False, None, False, True])
        self.assertEqual(story[3]["fault"], "59h")

    def test_steps_told_one_by_one_stay_where_they_are(self):
        lines = ["step 1: alloc id 0", DMA.format(0, 0), "step 2: bind id 0 device 0", DMA.format(0, 64)]
        story = report_evidence.story([report_evidence.item(line) for line in lines])
        self.assertEqual([event["what"] for event in story], ["step", "dma", "step", "dma"])

    def test_outcomes(self):
        for line, outcome in ((DMA.format(0, 64), "reached"), (DMA.format(0, 0), "denied"), (DMA.format(0, 8), "garbled"),
                              (DMA.format(0, 64).replace("0 changed beside", "3 changed beside"), "garbled"),
                              ("edu0 00:02.0: read 64 bytes and told 64 of them, 64 changed, 0 changed beside", "reached"),
                              ("edu0 00:02.0: read 64 bytes and told 1 of them, 64 changed, 0 changed beside", "denied")):
            self.assertEqual(report_evidence.story([report_evidence.item(line)])[0]["outcome"], outcome, line)

    def test_all_names_of_devices(self):
        """Each kind of line of an engine with a hyphen, and of one in a segment that is not 0, is drawn."""
        for engine, place in (("nvme-id0", "00:11.0"), ("edu0", "0001:00:02.0"), ("nvme-id3", "0001:82:11.0")):
            dev = f"{engine} {place}"
            lines = (f"{dev}: wrote 4096 bytes at 0x1000, aimed at 0xe000: 0 as sent, 0 changed, 0 changed beside; no status",
                     f"tables: {dev} write 0x1000 -> fault 59h, PASID entry P = 0, slot 0",
                     f"fault: 59h SPT.2 sid {place} write 1000: PASID table entry not present",
                     f"{dev}: read 64 bytes and told 64 of them, 64 changed, 0 changed beside",
                     f"{dev}: write of 64 bytes at 0x1000 (memory 0xe000): seen reached it, expected it to be denied",
                     f"fault 59h by {dev}: seen none (0 records of others)",
                     f"{dev}: {place}: root 0_113001 context 0_0_0_e9e0e01 slot 0 directory 115001 entry 0_0_0_0_0_0_1_43")
            found = [report_evidence.item(line) for line in lines]
            self.assertEqual([one["kind"] for one in found], ["write", "walk", "fault", "read", "check", "wanted", "tables"])
            case = {"evidence": list(lines[:3]) + [lines[-1]], "verdict": "fail", "reason": ""}
            self.assertEqual([(event["dev"], event["fault"]) for event in report_evidence.story(report_evidence.items(case))],
                             [(dev, "59h")])
            drawn = report_draw.evidence_of(case)
            bus, devfn = place[-7:].split(":")
            for words in ('class="timeline"', f'class="lane" x="4" y="23">{dev}<', f"bus {bus}h", f"devfn {devfn}"):
                self.assertIn(words, drawn)

    def test_a_record_of_another_segment_is_another_device(self):
        write = "{}: wrote 64 bytes at 0x1000, aimed at 0xe000: 0 as sent, 0 changed, 0 changed beside; no status"
        lines = [write.format("edu1 0001:00:02.0"), write.format("edu0 00:02.0"),
                 "fault: 59h SPT.2 sid 0001:00:02.0 write 1000: PASID table entry not present",
                 "fault: 5bh SPT.4 sid 00:02.0 write 1000: PASID table entry not supported"]
        story = report_evidence.story([report_evidence.item(line) for line in lines])
        self.assertEqual([event["fault"] for event in story], ["59h", "5Bh"])

    def test_ends_of_walks(self):
        for words, end in (("root entry UP = 0, bus 3", (0, None)), ("context entry P = 0, devfn 16", (1, None)),
                           ("PASID directory P = 0, entry 0", (2, None)), ("PASID entry P = 0, slot 0", (3, None)),
                           ("leaf of level 2", (4, 2)), ("paging entry not present, level 4", (4, 4)),
                           ("no write permission, level 1", (4, 1)), ("paging entry U/S = 0, level 3", (4, 3)),
                           ("pass-through, slot 0", (4, None)), ("address not canonical, levels 4", (4, None)), ("else", None)):
            self.assertEqual(report_evidence.walk_end(words), end, words)

    def test_drawing(self):
        text = report_draw.evidence_of(self.cases["order.free/rid/edu"])
        for words in ("<svg", "4 free id 0", "must not", "SMPTBLPTR 115000h", "DID 1h", "PGTT 1 first stage", "TES RTPS QIES",
                      "scalable mode", "<b>pc_inv</b>pasid did=1", "data=2", "SPT.2"):
            self.assertIn(words, text)
        self.assertNotIn("data=2 if", text.replace(" data=2 if=0 fn=0 pd=0\"", ""))
        self.assertEqual(report_draw.evidence_of(self.cases["acpi.mcfg"]), "")


class Words(unittest.TestCase):
    def test_fields_come_from_the_headers(self):
        self.assertEqual(report_vtd.get("CAP", "ND", 0x81d2008c222f0606), 6)
        self.assertEqual(report_vtd.get("ECAP", "PSS", 0x0000899800000f42), 19)
        self.assertIn("QIES", report_vtd.bits_set("GSTS", 0xc4000000))
        self.assertIsNone(report_vtd.get("CAP", "NOTHING", 0))

    def test_words_highest_first(self):
        self.assertEqual(report_vtd.words_of("1_2"), 1 << 64 | 2)
        self.assertEqual(report_vtd.entry_words("PDIR", 0x115001), ["P = 1", "SMPTBLPTR 115000h"])


class Junit(unittest.TestCase):
    def test_suites(self):
        root = ET.fromstring(report_junit.junit(report_tap.parse(TAP, "new-fs")))
        suites = {suite.get("name"): suite for suite in root}
        self.assertEqual(sorted(suites), ["new-fs.acpi", "new-fs.conf", "new-fs.harness", "new-fs.order", "new-fs.queue"])
        conf = suites["new-fs.conf"]
        self.assertEqual([conf.get(key) for key in ("tests", "failures", "errors", "skipped")], ["2", "1", "0", "1"])
        self.assertEqual(conf.find("testcase/skipped").get("message"), "E-001: P = 0 is <still> used")
        self.assertEqual(conf.find("testcase").get("time"), "0.312000")
        self.assertIsNotNone(suites["new-fs.harness"].find("testcase/error"))
        failure = suites["new-fs.order"].find("testcase/failure")
        self.assertEqual(failure.get("type"), "blame driver")
        self.assertIn("step 4: free id 0", failure.text)
        self.assertEqual([p.get("value") for p in conf.iter("property") if p.get("name") == "package"], ["a 1", "b 2"])

    def test_a_run_without_end_has_an_error(self):
        root = ET.fromstring(report_junit.junit(report_tap.parse(TAP[:TAP.index("not ok 6")])))
        self.assertIn("5 of 7", root.find("testsuite/testcase/error").get("message"))

    def of_run(self, text, verdict=None, words=""):
        one = report_tap.parse(text, "m")
        if verdict:
            one["run"] = {"verdict": verdict, "words": words, "seconds": 1.0}
        root = ET.fromstring(report_junit.junit(one))
        sums = [sum(int(suite.get(key)) for suite in root) for key in ("failures", "errors")]
        self.assertEqual(sums, [len(root.findall("testsuite/testcase/" + tag)) for tag in ("failure", "error")])
        case = root.find("testsuite/testcase[@classname='m.run']")
        return sums, case, root

    def test_a_verdict_that_no_case_explains_is_a_case(self):
        words = "1 skips that machines.cfg does not allow, the first: a.b: <x>"
        sums, case, _ = self.of_run(GOOD, "fail", words)
        self.assertEqual((sums, case.get("name")), ([1, 0], "verdict"))
        self.assertEqual(case.find("failure").get("message"), "fail: " + words)
        for verdict, words in (("error", "the guest ended with an error"), ("crash", "QEMU died of signal 6"), ("timeout", "no end after 9 s")):
            sums, case, _ = self.of_run(GOOD, verdict, words)
            self.assertEqual((sums, case.find("error").get("message")), ([0, 1], f"{verdict}: {words}"))

    def test_a_verdict_that_cases_explain_is_none(self):
        self.assertEqual(self.of_run(TAP, "fail", "3 failed")[:2], ([2, 1], None))
        for verdict in (None, "pass", "skip"):
            self.assertEqual(self.of_run(GOOD, verdict)[:2], ([0, 0], None))

    def test_both_ways_to_end_badly_are_seen(self):
        sums, case, _ = self.of_run(TAP[:TAP.index("not ok 6")], "timeout", "no end after 9 s")
        self.assertEqual((sums, case.find("error").get("message")), ([1, 1], "timeout: no end after 9 s"))

    def test_failures_that_the_machine_has_to_have_are_skipped(self):
        words = "as expected: fail, `scalable mode`"
        sums, case, root = self.of_run(TAP, "pass", words)
        self.assertEqual((sums, case), ([0, 0], None))
        said = [mark.get("message") for mark in root.findall("testsuite/testcase/skipped")]
        self.assertEqual(sorted(said)[-3:], [words + ": edu1 00:01.0: write of 64 bytes at 0x1000 (memory 0xe000): seen reached it, "
                                             "expected it to be denied", words + ": no memory",
                                             words + ": passes although E-002 says that it cannot"])
        self.assertIn("step 4: free id 0", root.find("testsuite[@name='m.order']/testcase/skipped").text)
        sums, case, _ = self.of_run(TAP[:TAP.index("not ok 6")], "pass", "as expected: crash")
        self.assertEqual((sums, case), ([0, 0], None))

    def test_an_error_behind_the_last_case(self):
        for verdict, words, said in ((None, "", "error: at the end: iommu_stop: -EIO"),
                                     ("error", "1 errors in the apparatus", "error: 1 errors in the apparatus; at the end: iommu_stop: -EIO")):
            sums, case, root = self.of_run(END, verdict, words)
            self.assertEqual((sums, case.find("error").get("message")), ([0, 1], said))
            self.assertEqual(root.find("testsuite[@name='m.run']/system-out").text,
                             "warn: unit fed90000: <late>\nerror: at the end: iommu_stop: -EIO")

    def test_words_behind_the_last_case_of_a_good_run(self):
        sums, case, root = self.of_run(GOOD.replace("# xfail", "# warn: late\n# xfail"), "pass")
        self.assertEqual((sums, len(case), root.find("testsuite/system-out").text), ([0, 0], 0, "warn: late"))

    def test_characters_that_xml_cannot_hold(self):
        bad = report_tap.parse(TAP.replace("no memory", "no \x01 memory"))
        self.assertIn(b"no ? memory", report_junit.junit(bad))


class Balanced(html.parser.HTMLParser):
    VOID = ("meta", "input", "br", "path", "circle", "rect")

    def __init__(self):
        super().__init__()
        self.open, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing")


class Page(unittest.TestCase):
    def test_whole_and_alone(self):
        text = report_html.page(report_tap.parse(TAP, "new-fs"))
        reader = Balanced()
        reader.feed(text)
        self.assertEqual((reader.open, reader.links), ([], []))
        self.assertNotIn("http", text)
        self.assertNotIn("@import", text)
        self.assertNotIn("<still>", text)
        for words in ("E-001", "make run ARGS=", "SAGAW 6", "requester 0010", "Skipped, by reason", "Slowest cases"):
            self.assertIn(words, text)

    def test_the_launcher_knows_more(self):
        one = report_tap.parse(TAP, "bad")
        one["run"] = {"verdict": "pass", "words": "as expected: fail", "seconds": 1.5}
        self.assertIn('<header class="good">', report_html.page(one))

    def test_failures_that_the_machine_has_to_have(self):
        one = report_tap.parse(TAP, "bad")
        self.assertIn("<small>3</small>", report_html.page(one))
        one["run"] = {"verdict": "pass", "words": "as expected: fail, `<x>`", "seconds": 1.5}
        self.assertIn("<small>3, as expected: fail, `&lt;x&gt;`</small>", report_html.page(one))

    def test_lines_behind_the_last_case(self):
        text = report_html.page(report_tap.parse(END))
        self.assertIn("<p>at the end: iommu_stop: -EIO</p>", text)
        self.assertIn("<pre>warn: unit fed90000: &lt;late&gt;\nerror: at the end", text)
        self.assertIn('<header class="bad">', text)
        self.assertNotIn('id="end"', report_html.page(report_tap.parse(TAP)))

    def test_nothing_but_a_version_line(self):
        self.assertIn("no end", report_html.page(report_tap.parse("TAP version 13\n1..3\n")))


class Files(unittest.TestCase):
    def test_forms_beside_the_tap(self):
        with tempfile.TemporaryDirectory() as folder:
            tap = os.path.join(folder, "new-fs.tap")
            with open(tap, "w", encoding="utf-8") as f:
                f.write(TAP)
            report.write(tap, {"verdict": "fail", "words": "", "seconds": 2.0})
            self.assertEqual(sorted(os.listdir(folder)), ["new-fs.html", "new-fs.json", "new-fs.tap", "new-fs.xml"])
            with open(os.path.join(folder, "new-fs.json"), encoding="utf-8") as f:
                saved = json.load(f)
            self.assertEqual((saved["run"]["verdict"], len(saved["cases"])), ("fail", 7))
            self.assertEqual(report_tap.load(os.path.join(folder, "new-fs.json")), saved)
            self.assertTrue(saved["cases"][0]["proves"])  # acpi.mcfg, from its source

    def test_made_again_the_launchers_verdict_stays(self):
        with tempfile.TemporaryDirectory() as folder:
            tap, saved = os.path.join(folder, "bad.tap"), os.path.join(folder, "bad.json")
            with open(tap, "w", encoding="utf-8") as f:
                f.write(END)
            run = {"verdict": "pass", "words": "as expected: error", "seconds": 2.0}
            report.write(tap, run)
            self.assertEqual(report.main(["--quiet", tap]), 0)
            with open(saved, encoding="utf-8") as f:
                again = json.load(f)
            self.assertEqual((again["run"], again["end"][-1]), (run, "error: at the end: iommu_stop: -EIO"))
            os.utime(tap, (os.path.getmtime(saved) + 1,) * 2)  # another run, by another launcher or none
            self.assertNotIn("run", report.write(tap))

    def test_no_report_is_an_error(self):
        self.assertEqual(report.main(["--quiet", os.devnull]), 1)


class Diff(unittest.TestCase):
    def compare(self, old, new):
        return "\n".join(diff.compare(report_tap.parse(old), report_tap.parse(new)))

    def test_equal_but_for_time(self):
        self.assertEqual(self.compare(TAP, TAP.replace("time_us 59", "time_us 60")), "")

    def test_verdicts_and_cases(self):
        text = self.compare(TAP, TAP.replace("ok 1 - acpi.mcfg", "ok 1 - acpi.mcfg # SKIP none").replace("queue.refused", "queue.other"))
        self.assertIn("acpi.mcfg: pass  ->  skip (none)", text)
        self.assertIn("- queue.refused: pass", text)
        self.assertIn("+ queue.other: pass", text)
        self.assertIn("pass: 2  ->  1 (-1)", text)

    def test_worse_stands_first(self):
        old = "TAP version 13\n1..2\nok 1 - a.a # SKIP x\nok 2 - a.z\npasidcheck: 1 passed, 0 failed, 1 skipped\n"
        new = "TAP version 13\n1..2\nok 1 - a.a\nnot ok 2 - a.z\n# fail: y\npasidcheck: 1 passed, 1 failed, 0 skipped\n"
        lines = self.compare(old, new).splitlines()
        self.assertLess(lines.index("  a.z: pass  ->  fail (y)"), lines.index("  a.a: skip (x)  ->  pass"))
        self.assertEqual(lines[0], "verdict: pass  ->  fail")

    def test_header_and_sums(self):
        text = self.compare(TAP, TAP.replace("qemu-11.1.3", "qemu-7.2.0").replace("# package: b 2", "# package: b 3")
                            .replace("dma-proven 1", "dma-proven 9").replace("CAP.CM = 0", "firmware"))
        for words in ("platform: qemu-11.1.3  ->  qemu-7.2.0", "- package: b 2", "+ package: b 3", "cases proven by DMA: 1  ->  9 (+8)",
                      "acpi.spcr: skip: CAP.CM = 0  ->  firmware"):
            self.assertIn(words, text)

    def test_wants_two_reports(self):
        self.assertEqual(diff.main(["", ""]), 2)
        self.assertEqual(diff.main([os.devnull, os.devnull]), 2)


if __name__ == "__main__":
    unittest.main()
