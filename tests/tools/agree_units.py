# SPDX-License-Identifier: BSD-2-Clause
"""Those who play scripts for agree.py: the strict unit (tests/model/agree.c), and QEMU without a guest.

Both take the lines of a script and give one answer for each line that asks something (r4 r8 d i).
"""

import base64
import json
import os
import socket
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "machines"))
import qemu_machine

UNIT = 0xFED90000
WATCHED = ((0x100000, 0x14000), (0x400000, 0x4000), (0x600000, 0x4000))  # as in agree.c
HARMLESS = (0xDEAD00000025, 0x10F800, 0, 0)
VER, CAP, ECAP, FSTS, IQH, IQT, IQA, FRCD = 0x00, 0x08, 0x10, 0x34, 0x80, 0x88, 0x90, 0x220
ASKS = ("r", "d", "i")
LIMIT = 20  # seconds for one script


class Lost(Exception):
    """The other side ended, or says nothing any more."""


class Child:
    """A process that is asked line by line; it is killed when it says nothing for LIMIT seconds."""

    def __init__(self, command, env=None, pass_fds=()):
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1, pass_fds=pass_fds)
        self.timer = None

    def watch(self):
        self.rest()
        self.timer = threading.Timer(LIMIT, self.process.kill)
        self.timer.start()

    def rest(self):
        if self.timer:
            self.timer.cancel()
            self.timer = None

    def say(self, text):
        try:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        except BrokenPipeError:
            self.lost()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            self.lost()
        return line.rstrip("\n")

    def lost(self):
        self.end()
        raise Lost((self.process.stderr.read() or "").strip()[-300:] or "ended without a word")

    def end(self):
        self.rest()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Model:
    """The strict unit."""

    def __init__(self, program):
        self.child = Child([program])

    def play(self, preset, cap, ecap, words, lines):
        self.child.watch()
        self.child.say(f"unit {preset} {cap:x} {ecap:x} {words}\n" + "".join(line + "\n" for line in lines) + ".\n")
        answers = []
        while (line := self.child.hear()) != ".":
            answers.append(line)
        self.child.rest()
        return answers

    def end(self):
        self.child.end()


class Emulator:
    """One QEMU with all its vCPUs halted: registers, memory and devices through its qtest channel."""

    EDU, TESTDEV = 0xE0000000, 0xE0800000
    PLACES = {0x10: EDU, 0x90: EDU + 0x100000}
    TESTDEVS = {0x40: TESTDEV, 0xE8: TESTDEV + 0x1000}

    def __init__(self, qemu, iommu, folder):
        self.qemu, self.child, self.control = qemu, None, None
        self.version = qemu.version
        self.testdevs = self.TESTDEVS if qemu.properties("iommu-testdev") else {}
        self.bios = os.path.join(folder, "halt.bin")
        with open(self.bios, "wb") as f:
            image = bytearray(b"\xf4" * 65536)
            image[0xFFF0:0xFFF4] = b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp back
            f.write(image)
        self.args = ["-machine", "q35", "-accel", "tcg", "-icount", "shift=4,sleep=off", "-m", "16", "-nodefaults",
                     "-display", "none", "-bios", self.bios, "-qtest", "stdio", "-qtest-log", "/dev/null"]
        self.args += ["-device", f"intel-iommu,{iommu}"]
        for sid in self.PLACES:
            self.args += ["-device", f"edu,addr={sid >> 3:x}.0,dma_mask=0xffffffffffffffff"]
        for sid in self.testdevs:
            self.args += ["-device", f"iommu-testdev,addr={sid >> 3:x}.0"]
        self.start()
        self.cap, self.ecap = self.read(CAP, 8), self.read(ECAP, 8)

    def start(self):
        ours, theirs = socket.socketpair()
        with theirs:
            control = ["-chardev", f"socket,id=control,fd={theirs.fileno()}", "-mon", "chardev=control,mode=control"]
            self.child = Child(self.qemu.command + self.args + control, self.qemu.env, (theirs.fileno(),))
        ours.settimeout(LIMIT)
        self.control = ours.makefile("rw")
        ours.close()
        self.control.readline()
        self.command("qmp_capabilities")

    def command(self, name, event=None):
        self.control.write(json.dumps({"execute": name}) + "\n")
        self.control.flush()
        waits = {"return"} | ({event} if event else set())
        while waits:
            line = self.control.readline()
            if not line:
                self.child.lost()
            said = json.loads(line)
            waits -= set(said) | {said.get("event")}

    def reset(self):
        """After power-on again, with devices at their places and memory all zero."""
        if self.child.process.poll() is not None:
            self.start()
        self.command("system_reset", "RESET")
        for sid, bar in {**self.PLACES, **self.testdevs}.items():
            for offset, value in ((0x10, bar), (0x04, 7)):
                self.ask(f"outl 0xcf8 {0x80000000 | sid << 8 | offset:#x}")
                self.ask(f"outl 0xcfc {value:#x}")
        self.ask("memset 0x0 0xa0000 0x0")
        self.ask("memset 0x100000 0xf00000 0x0")
        for bar in self.PLACES.values():
            self.edu(bar, "r", 0, 16)  # what an earlier script has left in its buffer
        self.told = {base: bytes(size) for base, size in WATCHED}
        self.slot = 0

    def ask(self, text):
        self.child.say(text + "\n")
        while True:
            answer = self.child.hear().split(" ", 1)
            if answer[0] == "OK":
                return answer[1] if len(answer) > 1 else ""
            if answer[0] in ("FAIL", "ERR"):
                raise Lost(f"{text}: {answer}")

    def read(self, offset, width):
        return int(self.ask(f"read{'l' if width == 4 else 'q'} {UNIT + offset:#x}"), 16)

    def write(self, offset, width, value):
        self.ask(f"write{'l' if width == 4 else 'q'} {UNIT + offset:#x} {value:#x}")

    # ---- Answers ----

    def tell_memory(self):
        words = ""
        for base, size in WATCHED:
            now = base64.b64decode(self.ask(f"b64read {base:#x} {size:#x}"))
            before = self.told[base]
            if now == before:
                continue
            for at in range(0, size, 8):
                if now[at:at + 8] != before[at:at + 8]:
                    words += f" {base + at:x}={int.from_bytes(now[at:at + 8], 'little'):x}"
            self.told[base] = now
        return words

    def tell_fault(self):
        high = self.read(FRCD + 8, 8)
        low = self.read(FRCD, 8) if high >> 63 else 0
        words = f" {self.read(FSTS, 4):x} {low:x} {high if high >> 63 else 0:x}"
        self.write(FRCD + 12, 4, 0x80000000)
        self.write(FSTS, 4, 0x7F)
        return words

    # ---- Commands ----

    def put(self, pa, *words):
        for n, word in enumerate(words):
            self.ask(f"writeq {pa + 8 * n:#x} {word:#x}")
            for base, size in WATCHED:
                at = pa + 8 * n - base
                if 0 <= at < size:
                    self.told[base] = self.told[base][:at] + word.to_bytes(8, "little") + self.told[base][at + 8:]

    def edu(self, bar, kind, addr, size):
        source, target = (addr, 0x40000) if kind == "r" else (0x40000, addr)
        for offset, value in ((0x80, source), (0x88, target), (0x90, size), (0x98, 1 if kind == "r" else 3)):
            self.ask(f"writeq {bar + offset:#x} {value:#x}")
        for _ in range(100000):
            if not int(self.ask(f"readq {bar + 0x98:#x}"), 16) & 1:
                return "?"
        raise Lost("edu does not end")

    def testdev(self, bar, addr, size):
        for offset, value in ((4, addr & 0xFFFFFFFF), (8, addr >> 32), (0x1C, 0), (0x20, 0), (0xC, size), (0x14, 1)):
            self.ask(f"writel {bar + offset:#x} {value:#x}")
        self.ask(f"readl {bar:#x}")
        result = int(self.ask(f"readl {bar + 0x10:#x}"), 16)
        return {0: "ok", 0xDEAD0004: "ok", 0xDEAD0002: "no"}.get(result, f"{result:x}")

    def dma(self, sid, kind, addr, size):
        sid, addr, size = int(sid, 16), int(addr, 16), int(size, 16)
        if kind == "t":
            done = self.testdev(self.testdevs[sid], addr, size)
        else:
            done = self.edu(self.PLACES[sid], kind, addr, size)
        return done + self.tell_fault() + self.tell_memory()

    def descriptor(self, *words):
        queue = self.read(IQA, 8) & ~0xFFF
        self.put(queue + 32 * self.slot, *(int(word, 16) for word in words))
        self.slot += 1
        self.write(IQT, 8, 32 * self.slot)
        status = self.read(FSTS, 4)
        answer = f"{status:x} {self.read(IQH, 8):x}"
        if status & 0x10:
            self.put(queue + 32 * (self.slot - 1), *HARMLESS)
            self.write(FSTS, 4, 0x10)
        return answer + self.tell_memory()

    def play(self, lines):
        """Answers; the last one is `lost ...` if QEMU ended."""
        answers = []
        try:
            self.child.watch()
            self.reset()
            for line in lines:
                name, *words = line.split()
                if name == "m":
                    self.put(int(words[0], 16), int(words[1], 16))
                elif name[0] == "w":
                    self.write(int(words[0], 16), int(name[1]), int(words[1], 16))
                elif name[0] == "r":
                    answers.append(f"{self.read(int(words[0], 16), int(name[1])):x}")
                else:
                    answers.append(self.dma(*words) if name == "d" else self.descriptor(*words))
        except Lost as why:
            answers.append(f"lost: {why}")
            self.end()
        self.child.rest()
        return answers

    def end(self):
        self.child.end()


MACHINES = {  # name: (set of packages, preset, properties of the unit)
    "7.2-ss": ("qemu-bookworm", "qemu-7.2", "x-scalable-mode=on"),
    "10.0-fs": ("qemu-trixie", "qemu-10.0", "x-scalable-mode=on,x-flts=on"),
    "10.0-ss": ("qemu-trixie", "qemu-10.0", "x-scalable-mode=on"),
    "11.1-fs": ("qemu-backports", "qemu-11.1", "scalable-mode=on,fsts=on"),
    "11.1-ss": ("qemu-backports", "qemu-11.1", "scalable-mode=on"),
}


def emulator(name, vendor, folder):
    packages, _, words = MACHINES[name]
    return Emulator(qemu_machine.find_qemu(vendor, packages), words + ",aw-bits=48,intremap=on", folder)
