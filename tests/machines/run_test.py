#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the launcher: verdicts, cutting of the report, errata ranges, mistakes in machines.cfg,
reading of the host's apt sources, the UEFI variable store. No QEMU, no network."""

import importlib.machinery
import importlib.util
import json
import os
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import errata
import machines_cfg
import qemu_machine
import uefi_vars
import verdict


def load_program(name):
    """A program of this folder as a module."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


fetch = load_program("fetch")

GOOD = ["TAP version 13", "1..2", "ok 1 - a.b", "ok 2 - c.d # SKIP ECAP.PRS (bit 29) is 0",
        "# xfail 0, unexpected pass 0, error 0, dma-proven 1 (allowed 1, denied 0)",
        "pasidcheck: 1 passed, 0 failed, 1 skipped"]
FAILED = GOOD[:2] + ["not ok 1 - a.b", "pasidcheck: 0 passed, 1 failed, 0 skipped"]
ERRED = GOOD[:2] + ["not ok 1 - a.b", "# error: x", "# xfail 0, unexpected pass 0, error 1, dma-proven 0",
                    "pasidcheck: 0 passed, 1 failed, 0 skipped"]
SKIPPED = GOOD[:2] + ["ok 1 - a.b # SKIP no", "pasidcheck: 0 passed, 0 failed, 1 skipped"]


class Judge(unittest.TestCase):
    def check(self, code, lines, expected):
        self.assertEqual(verdict.WORDS[verdict.judge(code, lines)[0]], expected, verdict.judge(code, lines))

    def test_both_witnesses_agree(self):
        self.check(1, GOOD, "pass")
        self.check(7, SKIPPED, "skip")
        self.check(9, ERRED, "error")
        self.check(11, FAILED, "fail")

    def test_witnesses_disagree(self):
        self.check(1, FAILED, "fail")
        self.check(7, GOOD, "fail")
        self.check(11, GOOD, "fail")
        self.check(9, GOOD, "error")

    def test_crash(self):
        self.check(0, GOOD, "crash")
        self.check(-6, GOOD, "crash")
        self.check(134, GOOD, "crash")
        self.check(3, GOOD, "crash")
        self.check(1, GOOD[:-1], "crash")
        self.check(1, GOOD + ["late words"], "crash")
        self.check(1, [], "crash")

    def test_last_line_alone(self):
        self.check(None, GOOD, "pass")
        self.check(None, SKIPPED, "skip")
        self.check(None, FAILED, "fail")
        self.check(None, ERRED, "error")
        self.check(None, ["pasidcheck: 0 passed, 0 failed, 0 skipped"], "pass")

    def test_last_line_is_taken_whole(self):
        self.check(1, ["x pasidcheck: 1 passed, 0 failed, 0 skipped"], "crash")

    def test_empty_lines_at_the_end(self):
        self.check(1, GOOD + ["", ""], "pass")


class Report(unittest.TestCase):
    def test_cut_at_version_line(self):
        self.assertEqual(verdict.cut_report(["BdsDxe: x", "ok 7 - foreign"] + GOOD), GOOD)
        self.assertEqual(verdict.cut_report(["halfKTAP version 1", "1..0"]), ["KTAP version 1", "1..0"])
        self.assertEqual(verdict.cut_report(["no report"]), [])

    def test_escapes_and_carriage_returns(self):
        self.assertEqual(verdict.clean("\x1b[2J\x1b[01;01H\x1b[=3hTAP version 13\r"), "TAP version 13")

    def test_tally(self):
        lines = GOOD + ["not ok 3 - e # TODO E-012 text", "not ok 4 - f", "1..9", "ok 5 g.h/ktap", "not ok 6 i # XFAIL E-1"]
        self.assertEqual(verdict.tally(lines), (4, 1, 1, [("c.d", "ECAP.PRS (bit 29) is 0")]))

    def test_skips(self):
        skips = [("prq.one/edu", "ECAP.PRS (bit 29) is 0"), ("bind.two", "no engine")]
        self.assertEqual(verdict.forbidden_skips(skips, [("prq.*", "ecap.prs"), ("bind.*", "PSS")]), skips[1:])
        self.assertEqual(verdict.forbidden_skips(skips, [("*", " ")]), [])


class Launcher(unittest.TestCase):
    """run as a whole, with RUN= in QEMU's place."""

    def launch(self, command, *args, log=""):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "log"), "w", encoding="utf-8", newline="") as f:
                f.write(log)
            env = dict(os.environ, RUN=command)
            done = subprocess.run([os.path.join(HERE, "run"), "--reports", folder, *args], env=env, cwd=folder,
                                  capture_output=True, text=True, timeout=60)
            files = {}
            for name in os.listdir(folder):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    files[name] = f.read()
        return done.returncode, done.stdout, files

    def serial(self, lines):
        return "printf %s " + shlex.quote("firmware \x1b[2J\r\n" + "\r\n".join(lines) + "\r\n")

    def test_verdicts(self):
        for lines, code in ((GOOD, 0), (SKIPPED, 3), (ERRED, 4), (FAILED, 5), (GOOD[:-1], 6)):
            self.assertEqual(self.launch(self.serial(lines))[0], code, lines)

    def test_files_and_last_line(self):
        code, out, files = self.launch("cat log", "--quiet", log="firmware \x1b[2J\r\n" + "\r\n".join(GOOD) + "\r\n")
        self.assertEqual(out.splitlines()[-1], GOOD[-1])
        self.assertEqual(files["run.tap"].splitlines(), GOOD[:2] + ["# run: cat log"] + GOOD[2:])
        self.assertTrue(files["run.log"].startswith("firmware"))

    def test_crash_counts_as_failure(self):
        _, out, _ = self.launch(self.serial(GOOD[:-1]))
        self.assertEqual(out.splitlines()[-1], "pasidcheck: 1 passed, 1 failed, 1 skipped")

    def test_timeout(self):
        code, out, _ = self.launch(self.serial(GOOD) + "; sleep 30", "--timeout", "1")
        self.assertEqual(code, 7)
        self.assertEqual(out.splitlines()[-1], "pasidcheck: 1 passed, 1 failed, 1 skipped")

    def test_ended_by_a_signal_it_ends_its_child(self):
        with tempfile.TemporaryDirectory() as folder:
            env = dict(os.environ, RUN="echo TAP version 13; echo $$; exec sleep 60")
            with subprocess.Popen([os.path.join(HERE, "run"), "--reports", folder], env=env, cwd=folder,
                                  stdout=subprocess.PIPE, text=True) as launcher:
                child = next(int(line) for line in launcher.stdout if line.strip().isdigit())
                launcher.terminate()
                self.assertEqual(launcher.wait(timeout=30), 128 + signal.SIGTERM)
            with self.assertRaises(ProcessLookupError):
                os.kill(child, 0)

    def test_skip_that_the_machine_does_not_allow(self):
        code, out, files = self.launch(self.serial(GOOD[:3] + ["ok 2 - no.such # SKIP because", GOOD[-1]]), "-m", "new-fs")
        self.assertEqual(code, 5)
        self.assertIn("skip not allowed by machines.cfg: no.such: because", out)
        self.assertEqual(out.splitlines()[-1], "pasidcheck: 1 passed, 1 failed, 0 skipped")
        words = "1 skips that machines.cfg does not allow, the first: no.such: because"
        self.assertIn(f'<failure message="fail: {words}"', files["new-fs.xml"])
        self.assertIn(f"<p>{words}</p>", files["new-fs.html"])
        self.assertEqual(json.loads(files["new-fs.json"])["run"]["words"], words)

    def test_unknown_machine(self):
        code, out, _ = self.launch("true", "-m", "nosuch")
        self.assertEqual(code, 4)
        self.assertIn("no machine `nosuch`", out)

    def test_arguments_reach_the_command(self):
        code, out, _ = self.launch('echo "TAP version 13"; echo "# $ARGS"; echo "' + GOOD[-1] + '"', "only=a.*,b list")
        self.assertEqual(code, 0)
        self.assertIn("# only=a.*,b list\n", out)


class Errata(unittest.TestCase):
    ROWS = errata.parse("| id | platform | versions | rule | text |\n|---|---|---|---|---|\n"
                        "| E-001 | qemu | 7.2.0-11.1.99 | R1 | words |\n| E-2 | qemu | 12-12.0.1 | R2 | w |\n")

    def test_rows(self):
        self.assertEqual([row[0] for row in self.ROWS], ["E-001", "E-2"])

    def test_range(self):
        for version, outside in (("7.2", False), ("11.1.3", False), ("11.2.0", True), ("7.1.9", True), ("12.0.1", False)):
            self.assertEqual(errata.outside_of_all(self.ROWS, f"qemu-{version}"), outside, version)
        self.assertFalse(errata.outside_of_all(self.ROWS, "board-x1"))
        self.assertFalse(errata.outside_of_all([], "qemu-1.0"))


class Cfg(unittest.TestCase):
    MACHINE = "[set s]\nsuites = x\ntarget = x\npackages = p\n[machine m]\nrole = r\nqemu = s\ntimeout = 5\n"

    def mistake(self, text, line, words):
        with self.assertRaises(machines_cfg.CfgError) as caught:
            machines_cfg.parse(text, "f")
        self.assertTrue(str(caught.exception).startswith(f"f:{line}: "), caught.exception)
        self.assertIn(words, str(caught.exception))

    def test_mistakes_name_the_line(self):
        self.mistake("x = 1\n", 1, "before the first section")
        self.mistake("[oven o]\n", 1, "unknown section")
        self.mistake("[set s]\ncolour = red\n", 2, "unknown key")
        self.mistake("[set s]\nwords\n", 2, "neither")
        self.mistake("[set s]\nsuites = x\n", 1, "lacks `target`")
        self.mistake("  lost\n", 1, "continues")
        self.mistake("[set s]\nsuites = a\nsuites = b\n", 3, "set already, line 2")
        self.mistake(self.MACHINE + "[set s]\n", 9, "there already, line 1")
        self.mistake(self.MACHINE + "cpus = none\n", 9, "number")
        self.mistake(self.MACHINE + "use = nothing\n", 9, "no [options nothing]")
        self.mistake(self.MACHINE + "time = slow\n", 9, "virtual")
        self.mistake(self.MACHINE + "expect = joy\n", 9, "verdict")
        self.mistake(self.MACHINE + "skips =\n  a.* : PRS\n  b.*\n", 11, "glob")
        self.mistake("[blob b]\nhex = 0g\n", 2, "hex")
        self.mistake("[options o]\nargs =\n", 2, "empty")

    def test_values(self):
        cfg = machines_cfg.parse(self.MACHINE + "skips =\n  a.* : PRS\n\n  b : c : d # why\nexpect = fail no DMAR\n")
        machine = cfg["machine", "m"]
        self.assertEqual(machine["skips"], [("a.*", "PRS"), ("b", "c : d")])
        self.assertEqual(machine["expect"], ("fail", "no DMAR"))
        self.assertEqual((machine["memory"], machine["time"], machine["cpus"]), ("256M", "virtual", 1))

    def test_skips_of_another_machine(self):
        other = "[machine n]\nrole = x\nqemu = s\ntimeout = 1\nskips-of = m\nskips =\n  z : y\n"
        cfg = machines_cfg.parse(self.MACHINE + "skips =\n  a.* : PRS\n" + other)
        self.assertEqual(cfg["machine", "n"]["skips"], [("a.*", "PRS"), ("z", "y")])
        third = "[machine o]\nrole = x\nqemu = s\ntimeout = 1\nskips-of = n few\n[skips few]\nallow =\n  c : d\n"
        cfg = machines_cfg.parse(self.MACHINE + "skips =\n  a.* : PRS\n" + other + third)
        self.assertEqual(cfg["machine", "o"]["skips"], [("a.*", "PRS"), ("z", "y"), ("c", "d")])
        self.mistake(self.MACHINE + "skips-of = nowhere\n", 9, "nowhere")
        self.mistake(self.MACHINE + "skips-of = m\n", 9, "circles")

    def test_the_real_file(self):
        cfg = machines_cfg.load()
        self.assertIn(("machine", "new-fs"), cfg)


class FakeQemu:
    version, origin = "9", "fake"

    def __init__(self, *names):
        self.names = set(names)

    def properties(self, _device):
        return self.names


class Properties(unittest.TestCase):
    def option(self, qemu, words):
        section = machines_cfg.Section("machine", "m", 1)
        section.values["iommu"] = words.split()
        return qemu_machine.iommu_option(qemu, section)

    def test_names_by_version(self):
        words = "scalable-mode|x-scalable-mode=on ?svm=on aw-bits=48"
        self.assertEqual(self.option(FakeQemu("x-scalable-mode", "aw-bits"), words)[1],
                         "intel-iommu,x-scalable-mode=on,aw-bits=48")
        self.assertEqual(self.option(FakeQemu("scalable-mode", "svm", "aw-bits"), words)[1],
                         "intel-iommu,scalable-mode=on,svm=on,aw-bits=48")
        with self.assertRaises(qemu_machine.MachineError):
            self.option(FakeQemu("aw-bits"), words)


class AptSources(unittest.TestCase):
    def test_deb822(self):
        text = ("# a comment\nTypes: deb\nURIs: http://a/debian\n# between\nSuites: bookworm bookworm-updates\n"
                "Components: main\nSigned-By: /k.gpg\n\nTypes: deb\nURIs: http://a/security\n"
                "Suites: bookworm-security\nComponents: main\n\nTypes: deb\nEnabled: no\nURIs: http://b\n"
                "Suites: trixie\nComponents: main\n\nTypes: deb deb-src\nURIs: http://c http://d\nSuites: stable\n"
                "Components: main contrib\nSigned-By:\n -----BEGIN\n .\n key\n")
        self.assertEqual(fetch.debian_entries(fetch.parse_deb822(text)),
                         [("http://a/debian", "/k.gpg", ""), ("http://c", "\n -----BEGIN\n .\n key", ""),
                          ("http://d", "\n -----BEGIN\n .\n key", "")])

    def test_one_line(self):
        text = ("deb [arch=amd64 signed-by=/k.gpg] http://a/debian bookworm main contrib # words\n"
                "# deb http://off bookworm main\ndeb-src http://a/src bookworm main\n"
                "deb http://other nodistro main\ndeb http://a/debian trixie non-free\ndeb cdrom:[x]/ bookworm main\n"
                "deb [trusted=yes] file:/mirror trixie main\n")
        self.assertEqual(fetch.debian_entries(fetch.parse_one_line(text)),
                         [("http://a/debian", "/k.gpg", ""), ("file:/mirror", "", "yes")])


class SystemParts(unittest.TestCase):
    def test_links(self):
        with tempfile.TemporaryDirectory() as folder:
            system, vendor = os.path.join(folder, "system"), os.path.join(folder, "vendor")
            self.assertFalse(fetch.link_system(vendor, system))
            for name in ("usr/include/efi/efi.h", "usr/src/newlib/newlib-1.tar.xz", "usr/lib64/crt0-efi-x86_64.o",
                         *("usr/lib/" + name for name in fetch.GNUEFI_FILES[1:])):
                os.makedirs(os.path.dirname(os.path.join(system, name)), exist_ok=True)
                open(os.path.join(system, name), "w").close()
            self.assertTrue(fetch.link_system(vendor, system))
            root = os.path.join(vendor, "build/root/usr")
            self.assertTrue(os.path.exists(os.path.join(root, "include/efi/efi.h")))
            self.assertTrue(os.path.exists(os.path.join(root, "lib/crt0-efi-x86_64.o")))
            self.assertTrue(os.path.exists(os.path.join(root, "src/newlib/newlib-1.tar.xz")))


class VariableStore(unittest.TestCase):
    def empty_store(self, size=256):
        volume = bytearray(b"\0" * 72)
        struct.pack_into("<H", volume, 48, 72)
        store = uefi_vars.STORE_HEADER.pack(uefi_vars.STORE_GUID.bytes_le, size, 0x5A, 0xFE)
        return bytes(volume) + store + b"\xff" * (size - len(store))

    def test_variables_follow_each_other(self):
        image = self.empty_store()
        first = uefi_vars.with_variable(image, b"odd", "A")
        second = uefi_vars.with_variable(first, b"two", "B")
        self.assertEqual(len(second), len(image))
        self.assertEqual(second[:100], first[:100])
        at = 72 + 28 + uefi_vars.aligned(60 + 4 + 3)
        self.assertEqual(struct.unpack_from("<H", second, at)[0], 0x55AA)
        self.assertEqual(second[at + 60:at + 67], b"B\0\0\0two")

    def test_refusals(self):
        with self.assertRaises(ValueError):
            uefi_vars.with_variable(self.empty_store(64), b"x" * 100)
        with self.assertRaises(ValueError):
            uefi_vars.with_variable(bytes(512), b"x")


if __name__ == "__main__":
    unittest.main()
