# SPDX-License-Identifier: BSD-2-Clause
"""Writer of FAT volumes without a partition table: the same files give the same bytes, and nobody has to be root.

FAT12, 16 or 32 by the number of clusters, as the format wants it; long names where 8.3 does not do; all dates are
1 January 1980.
"""

import struct
import zlib

SECTOR = 512
DATE = 0x0021  # 1980-01-01
FOLDER, FILE, LABEL, LONG = 0x10, 0x20, 0x08, 0x0F
_SHORT = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'()-@^_`{}~")


class FatError(Exception):
    """What is asked for does not fit into a volume."""


class Node:
    """A file (data) or a folder (children), and the clusters it gets."""

    def __init__(self, data=None):
        self.data, self.children, self.cluster = data, {}, 0

    def size(self):
        return len(self.data) if self.data is not None else 0


def _tree(files):
    root = Node()
    for path, data in sorted(files.items()):
        at = root
        *folders, name = path.strip("/").split("/")
        for folder in folders:
            at = at.children.setdefault(folder, Node())
        at.children[name] = Node(data)
    return root


# ---- Names ----

def _fits_short(text, limit):
    return 0 < len(text) <= limit and set(text) <= _SHORT


def short_name(name, taken):
    """(11 bytes, whether a long name is needed); capitals only, so other letters count as needing one."""
    stem, dot, end = name.rpartition(".")
    stem, end = (stem, end) if dot else (name, "")
    if _fits_short(stem, 8) and (_fits_short(end, 3) or not end):
        return (stem.ljust(8) + end.ljust(3)).encode("ascii"), False
    clean = "".join(c for c in stem.upper() if c in _SHORT)[:6] or "_"
    tail = "".join(c for c in end.upper() if c in _SHORT)[:3]
    for number in range(1, 100):
        mark = f"~{number}"
        candidate = (clean[:8 - len(mark)] + mark).ljust(8) + tail.ljust(3)
        if candidate.encode("ascii") not in taken:
            return candidate.encode("ascii"), True
    raise FatError(f"too many names like {name}")


def _checksum(short):
    total = 0
    for byte in short:
        total = ((total & 1) << 7) + (total >> 1) + byte & 0xFF
    return total


def _long_entries(name, short):
    """Entries of 13 characters each, the last part first."""
    units = name.encode("utf-16-le")
    if len(units) % 26:
        units += b"\0\0"
        units += b"\xff" * (-len(units) % 26)
    parts = [units[at:at + 26] for at in range(0, len(units), 26)]
    out = b""
    for number in range(len(parts), 0, -1):
        part = parts[number - 1]
        order = number | (0x40 if number == len(parts) else 0)
        out += struct.pack("<B10sBBB12sH4s", order, part[:10], LONG, 0, _checksum(short), part[10:22], 0, part[22:])
    return out


def _entry(short, kind, cluster, size):
    return struct.pack("<11sBBBHHHHHHHI", short, kind, 0, 0, 0, DATE, DATE, cluster >> 16, 0, DATE, cluster & 0xFFFF, size)


def _folder_bytes(folder, parent, label=None):
    """The entries of a folder; `parent`: the cluster that its `..` names, None for the root."""
    out, taken = b"", set()
    if label:
        out += _entry(label.ljust(11).encode("ascii"), LABEL, 0, 0)
    if parent is not None:
        out += _entry(b".          ", FOLDER, folder.cluster, 0) + _entry(b"..         ", FOLDER, parent, 0)
    for name, node in folder.children.items():
        short, long_too = short_name(name, taken)
        taken.add(short)
        if long_too:
            out += _long_entries(name, short)
        kind = FILE if node.data is not None else FOLDER
        out += _entry(short, kind, node.cluster, node.size())
    return out


# ---- Layout ----

class Layout:
    """How the sectors of a volume are divided: one sector a cluster up to 64 MiB, more above."""

    def __init__(self, sectors):
        self.sectors = sectors
        self.per_cluster = 1
        while sectors // self.per_cluster > 1 << 17:
            self.per_cluster *= 2
        self.bits = 12
        for bits in (12, 16, 32):
            self._divide(bits)
            if self.clusters < {12: 4085, 16: 65525, 32: 0x0FFFFFF5}[bits]:
                break
        if self.clusters < {12: 1, 16: 4085, 32: 65525}[self.bits]:
            raise FatError(f"{sectors} sectors lie between two kinds of FAT: take some more or less")

    def _divide(self, bits):
        self.bits = bits
        self.reserved = 32 if bits == 32 else 1
        self.root_entries = 0 if bits == 32 else 512
        self.root_sectors = self.root_entries * 32 // SECTOR
        free = self.sectors - self.reserved - self.root_sectors
        self.fat_sectors = 1
        while True:
            self.clusters = max(0, free - 2 * self.fat_sectors) // self.per_cluster
            need = -(-(self.clusters + 2) * bits // (8 * SECTOR))
            if need <= self.fat_sectors:
                return
            self.fat_sectors = need

    def data_start(self):
        return self.reserved + 2 * self.fat_sectors + self.root_sectors

    def boot_sector(self, label, serial):
        small = self.bits != 32
        bpb = struct.pack("<3s8sHBHBHHBHHHII", b"\xeb\x58\x90" if not small else b"\xeb\x3c\x90", b"PASIDCHK", SECTOR, self.per_cluster,
                          self.reserved, 2, self.root_entries, self.sectors if self.sectors < 0x10000 and small else 0, 0xF8,
                          self.fat_sectors if small else 0, 32, 2, 0, 0 if self.sectors < 0x10000 and small else self.sectors)
        if not small:
            bpb += struct.pack("<IHHIHH12x", self.fat_sectors, 0, 0, 2, 1, 6)
        bpb += struct.pack("<BBBI11s8s", 0x80, 0, 0x29, serial, label.ljust(11).encode("ascii"), f"FAT{self.bits}".ljust(8).encode())
        return bpb.ljust(510, b"\0") + b"\x55\xaa"


class _Writer:
    def __init__(self, layout):
        self.layout = layout
        self.chains = [0xFFFFFFF8, 0xFFFFFFFF]  # as FAT32 has them; cut to width when written
        self.data = bytearray(layout.clusters * layout.per_cluster * SECTOR)

    def reserve(self, size):
        """First cluster of a chain for so many bytes; 0 for none."""
        count = -(-size // (self.layout.per_cluster * SECTOR))
        first = len(self.chains)
        if first + count > self.layout.clusters + 2:
            raise FatError("the files do not fit into the volume")
        self.chains += [first + n + 1 for n in range(count - 1)] + [0x0FFFFFFF] * (count > 0)
        return first if count else 0

    def put(self, cluster, data):
        at = (cluster - 2) * self.layout.per_cluster * SECTOR
        self.data[at:at + len(data)] = data

    def place(self, folder):
        """Clusters for all that is below a folder, its own first."""
        for node in folder.children.values():
            if node.data is None:
                node.cluster = self.reserve(len(_folder_bytes(node, 0)))
                self.place(node)
            else:
                node.cluster = self.reserve(len(node.data))

    def fill(self, folder, own):
        for node in folder.children.values():
            if node.data is None:
                self.put(node.cluster, _folder_bytes(node, own))
                self.fill(node, node.cluster)
            else:
                self.put(node.cluster, node.data)

    def table(self):
        bits, table = self.layout.bits, bytearray()
        if bits == 12:
            chains = self.chains + [0] * (len(self.chains) % 2)
            for low, high in zip(chains[::2], chains[1::2]):
                table += ((low & 0xFFF) | (high & 0xFFF) << 12).to_bytes(3, "little")
        else:
            mask, size = (0xFFFF, 2) if bits == 16 else (0x0FFFFFFF, 4)
            for entry in self.chains:
                table += (entry & mask).to_bytes(size, "little")
        return bytes(table).ljust(self.layout.fat_sectors * SECTOR, b"\0")


def volume(files, size, label="PASIDCHECK"):
    """The bytes of a volume of `size` bytes (whole sectors) that holds files: {"FOLDER/name": bytes}."""
    layout, root = Layout(size // SECTOR), _tree(files)
    writer = _Writer(layout)
    if layout.bits == 32:
        root.cluster = writer.reserve(len(_folder_bytes(root, None, label)))
    writer.place(root)
    writer.fill(root, 0)
    top = _folder_bytes(root, None, label)
    if layout.bits == 32:
        writer.put(root.cluster, top)
    elif len(top) > layout.root_entries * 32:
        raise FatError("too many entries in the root folder")
    digest = zlib.crc32(b"".join(name.encode() + b"\0" + data for name, data in sorted(files.items())))
    boot = layout.boot_sector(label, digest)
    reserved = bytearray(boot.ljust(layout.reserved * SECTOR, b"\0"))
    if layout.bits == 32:
        free = layout.clusters + 2 - len(writer.chains)
        info = struct.pack("<I480xIII12xI", 0x41615252, 0x61417272, free, len(writer.chains), 0xAA550000)
        reserved[SECTOR:2 * SECTOR] = info
        reserved[6 * SECTOR:7 * SECTOR], reserved[7 * SECTOR:8 * SECTOR] = boot, info
    fixed_root = b"" if layout.bits == 32 else top.ljust(layout.root_sectors * SECTOR, b"\0")
    image = bytes(reserved) + 2 * writer.table() + fixed_root + bytes(writer.data)
    return image.ljust(layout.sectors * SECTOR, b"\0")
