# SPDX-License-Identifier: BSD-2-Clause
"""From a machine's declaration to QEMU's command line: which QEMU, which firmware, which names.

QEMU= OVMF_CODE= OVMF_VARS= win; else what fetch brings; else, where nothing can be fetched, what the
system has. A fetched QEMU is started through its own loader with its own libraries and modules, so
that it does not depend on the host's C library.
"""

import os
import re
import shutil
import subprocess

import machines_cfg

HERE = os.path.dirname(os.path.abspath(__file__))
LIBS = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
SYSTEM_OVMF = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/qemu/edk2-x86_64-code.fd", "/usr/share/qemu/edk2-i386-vars.fd"),
)


class MachineError(Exception):
    """The machine cannot be had on this host; the text says why and what to do."""


class Qemu:
    """A QEMU binary that can be started: command prefix, environment, version."""

    def __init__(self, command, env=None, origin=""):
        self.command = command
        self.env = dict(os.environ, **(env or {}))
        self.origin = origin
        out = self.ask("--version")
        m = re.search(r"version (\d+(?:\.\d+)*)", out)
        if not m:
            raise MachineError(f"{command[0]} --version says no version: {out.strip()[:200]}")
        self.version = m.group(1)

    def ask(self, *args):
        """Output of a QEMU that prints and ends."""
        try:
            return subprocess.run(self.command + list(args), env=self.env, capture_output=True, text=True,
                                  timeout=30, stdin=subprocess.DEVNULL).stdout
        except (OSError, subprocess.TimeoutExpired) as e:
            raise MachineError(f"cannot start {self.command[0]}: {e}") from e

    def properties(self, device):
        """Names of a device's properties; empty when this QEMU has no such device."""
        return set(re.findall(r"^\s*([\w-]+)=", self.ask("-device", f"{device},help"), re.M))


def unpacked_qemu(root, name):
    """The QEMU of a fetched set."""
    libs = [os.path.join(root, lib) for lib in LIBS]
    loader = next((p for p in (os.path.join(lib, "ld-linux-x86-64.so.2") for lib in libs) if os.path.exists(p)), None)
    binary = os.path.join(root, "usr/bin/qemu-system-x86_64")
    if not loader or not os.path.exists(binary):
        raise MachineError(f"{root} holds no QEMU; remove its stamp and run `make vendor`")
    command = [loader, "--library-path", ":".join(libs), binary]
    for data in ("usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"):
        command += ["-L", os.path.join(root, data)]
    return Qemu(command, {"QEMU_MODULE_DIR": os.path.join(root, LIBS[0], "qemu")}, name)


def fetch(vendor, sets):
    """True when all sets are there, fetched now or before."""
    return subprocess.run([os.path.join(HERE, "fetch"), "--vendor", vendor] + sets).returncode == 0


def find_qemu(vendor, name):
    given = os.environ.get("QEMU")
    if given:
        return Qemu([given], origin="QEMU=")
    if fetch(vendor, [name]):
        return unpacked_qemu(os.path.join(vendor, name, "root"), name)
    system = shutil.which("qemu-system-x86_64")
    if not system:
        raise MachineError(f"{name} cannot be fetched, and there is no qemu-system-x86_64 on PATH; set QEMU=")
    return Qemu([system], origin="the system's")


def find_ovmf(vendor):
    """(code, variables) files of the firmware."""
    code, variables = os.environ.get("OVMF_CODE"), os.environ.get("OVMF_VARS")
    if bool(code) != bool(variables):
        raise MachineError("set OVMF_CODE= and OVMF_VARS= together: they must be a pair")
    pairs = [(code, variables)] if code else []
    if not code and fetch(vendor, ["ovmf"]):
        folder = os.path.join(vendor, "ovmf/root/usr/share/OVMF")
        pairs = [(os.path.join(folder, "OVMF_CODE_4M.fd"), os.path.join(folder, "OVMF_VARS_4M.fd"))]
    for pair in pairs or SYSTEM_OVMF:
        if all(os.path.exists(path) for path in pair):
            return pair
    raise MachineError(f"no OVMF: looked for {', '.join(p[0] for p in pairs or SYSTEM_OVMF)}; "
                       "set OVMF_CODE= and OVMF_VARS=")


def iommu_option(qemu, machine):
    """The -device words of the unit, with the property names of this QEMU."""
    wanted = machine["iommu"]
    if not wanted:
        return []
    known = qemu.properties("intel-iommu")
    if not known:
        raise MachineError(f"QEMU {qemu.version} ({qemu.origin}) has no intel-iommu")
    words = []
    for word in wanted:
        names, _, value = word.lstrip("?").partition("=")
        name = next((n for n in names.split("|") if n in known), None)
        if name:
            words.append(f"{name}={value}")
        elif not word.startswith("?"):
            raise MachineError(f"QEMU {qemu.version} ({qemu.origin}) has no property {names} of intel-iommu: "
                               f"machine {machine.name} cannot be made of it")
    return ["-device", ",".join(["intel-iommu"] + words)]


def comma(text):
    """QEMU's way to write a comma inside an option's value."""
    return text.replace(",", ",,")


def option_words(cfg, name, folder):
    """Words of an [options] section; {blob:NAME} becomes a file in folder with these bytes."""
    def file_of(match):
        path = os.path.join(folder, match.group(1))
        with open(path, "wb") as f:
            f.write(cfg["blob", match.group(1)]["hex"])
        return comma(path)
    return [machines_cfg.BLOB.sub(file_of, word) for word in cfg["options", name]["args"]]


def command_line(qemu, cfg, machine, ovmf, media, folder):
    """All words of the command line.

    ovmf: files of (code, variables); media: the words that bring the program and its arguments; folder:
    the run's own, for files that options need.
    """
    accel = "tcg" if machine["time"] == "virtual" else "tcg,thread=multi"
    args = ["-machine", "q35", "-accel", accel, "-cpu", machine["cpu"], "-smp", str(machine["cpus"]),
            "-m", machine["memory"], "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    if machine["time"] == "virtual":
        args += ["-icount", "shift=4,sleep=off", "-rtc", "base=2020-01-01,clock=vm"]
    args += iommu_option(qemu, machine)
    for name in machine["use"]:
        args += option_words(cfg, name, folder)
    args += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={comma(ovmf[0])}",
             "-drive", f"if=pflash,unit=1,format=raw,file={comma(ovmf[1])}"]
    return qemu.command + args + media
