# SPDX-License-Identifier: BSD-2-Clause
"""Random scripts for agree.py: tables and requests, stale translations, descriptors, registers.

A line of a script is (text, what): `what` names the kind of entry that a memory line writes.
"""

ROOT, LOW, UP, DIR, TABLE, QUEUE, STATUS = 0x101000, 0x102000, 0x103000, 0x104000, 0x106000, 0x10E000, 0x10F000
L4, L3, L2, L1 = 0x108000, 0x109000, (0x10A000, 0x10D000), (0x10B000, 0x10C000)
DATA = 0x110000
FRAMES = [0x100000 + 0x1000 * n for n in range(20)]
STRANGE = [0x20000000, 1 << 46, 1 << 48, 1 << 51]
EDUS, TESTDEVS = (0x10, 0x90), (0x40, 0xE8)
DOMAINS = (3, 5, 6, 9)  # one for each PASID entry (rules 45 to 47), still different with a bit flipped


class Maker:
    def __init__(self, rng, first, testdevs):
        self.rng, self.first = rng, first
        self.requesters = [(sid, kind) for sid in EDUS for kind in "rww"]
        self.requesters += [(sid, "t") for sid in TESTDEVS for _ in range(2)] if testdevs else []
        self.memory, self.iovas = {}, []

    def chance(self, n):
        return self.rng.randrange(n) == 0

    # ---- Good tables ----

    def put(self, pa, value, what):
        self.memory[pa] = (value, what)

    def put_entries(self):
        self.put(ROOT, LOW | 1, "root")
        self.put(ROOT + 8, UP | 1, "root")
        for n, (table, sids) in enumerate(((LOW, (0x10, 0x40)), (UP, (0x90, 0xE8)))):
            pdts = self.rng.choice((0, 0, 1, 7))
            for sid in sids:
                at = table + (sid & 0x7F) * 32
                self.put(at, DIR + 0x1000 * n | pdts << 9 | 1, "ctx0")
                for word in (1, 2, 3):
                    self.put(at + 8 * word, 0, f"ctx{word}")
            self.put(DIR + 0x1000 * n, TABLE + 0x1000 * n | 1, "pdir")
            for index in (0, 1):
                self.put_pasid(TABLE + 0x1000 * n + 64 * index, DOMAINS[2 * n + index])

    def put_pasid(self, at, domain):
        stage = 1 if self.first else 2
        pgtt = self.rng.choice((stage, stage, stage, stage, 4))
        short = not self.first and self.chance(4)
        words = [1 | pgtt << 6 | (1 if short else 2) << 2, domain, 0, 0, 0, 0, 0, 0]
        if self.first:
            words[2] = L4
        else:
            words[0] |= L3 if short else L4
        for n, word in enumerate(words):
            self.put(at + 8 * n, word, f"pe{n}")

    def table_entry(self, pa):
        flags = 0x27 if self.first else 3
        if self.chance(8):
            flags &= ~(1 << self.rng.randrange(3))
        if self.chance(4):  # where bits are ignored
            flags |= self.rng.getrandbits(64) & (0xFFF0000000000C18 if self.first else 0x9FF0000000000638)
        return pa | flags

    def leaf(self, pa, large):
        flags = self.rng.choice((0x67, 0x67, 0x67, 0x67, 0x65, 0x63)) if self.first else self.rng.choice((3, 3, 3, 1, 2))
        if self.first and self.chance(4):
            flags &= ~(0x60 if self.chance(2) else 0x40)
        if self.chance(4):
            flags |= self.rng.getrandbits(64) & (0xFFF0000000000F18 if self.first else 0x9FF0000000000778)
        return pa | flags | (0x80 if large else 0)

    def map_one(self):
        """An address with all that leads from it to memory, unless another one has been there before."""
        what = "fs" if self.first else "ss"
        i4, i3, i2, i1 = self.rng.choice((0, 0, 1, 255, 256, 511)), self.rng.randrange(3), self.rng.choice((2, 3)), self.rng.randrange(4)
        page = self.rng.randrange(4)
        path = [(L4 + 8 * i4, self.table_entry(L3))]
        if i3 == 2 and self.chance(2):
            path.append((L3 + 8 * i3, self.leaf(0, True)))
        else:
            l2 = L2[i3 & 1]
            path.append((L3 + 8 * i3, self.table_entry(l2)))
            if self.chance(3):
                path.append((l2 + 8 * i2, self.leaf(i2 << 21, True)))
            else:
                path.append((l2 + 8 * i2, self.table_entry(L1[i2 & 1])))
                path.append((L1[i2 & 1] + 8 * i1, self.leaf(0xFEE00000 if self.chance(20) else DATA + 0x1000 * page, False)))
        for at, entry in path:
            if at not in self.memory:
                self.put(at, entry, what)
        iova = i4 << 39 | i3 << 30 | i2 << 21 | i1 << 12 | 8 * self.rng.randrange(8)
        if i4 >= 256 and not self.chance(3):
            iova |= 0xFFFF << 48
        self.iovas.append(iova)

    def put_data(self):
        for base in (DATA, 0x400000, 0x600000):
            for page in range(4):
                for word in range(4):
                    self.put(base + 0x1000 * page + 8 * word, 0x1111111111111111 * (1 + page) + word, "data")

    # ---- What goes wrong ----

    def spoil(self, pa, value, what):
        kind = self.rng.randrange(8)
        if kind < 3:
            return value ^ 1 << self.rng.randrange(64)
        if kind == 3:
            return value & ~1
        if kind == 4:
            return 0
        if kind == 5:
            return value & 0xFFF | self.rng.choice(STRANGE + (FRAMES if what in ("fs", "ss") else [0x100000, STATUS]))
        if kind == 6 and what in ("ctx0", "pdir", "pe0"):
            return value & ~self.rng.randrange(2) | 2
        if what == "pe0":
            bits = self.rng.choice((0x1C0, 0x1C, 0x1FC))
            return value & ~bits | self.rng.getrandbits(9) & bits
        return value ^ 1 << self.rng.randrange(12)

    def victims(self):
        return [pa for pa, (_, what) in self.memory.items() if what != "data"]

    def spoil_one(self):
        """(address, value before) of an entry that is another one now."""
        kinds = sorted({what for _, what in self.memory.values()} - {"data"})
        kind = self.rng.choice(kinds)
        pa = self.rng.choice([pa for pa in self.victims() if self.memory[pa][1] == kind])
        before, what = self.memory[pa]
        self.put(pa, self.spoil(pa, before, what), what)
        return pa

    # ---- Lines ----

    def memory_lines(self):
        return [(f"m {pa:x} {value:x}", what) for pa, (value, what) in self.memory.items() if value]

    def start_lines(self, ttm=1):
        return [(text, "") for text in (f"w8 90 {QUEUE | 0x800:x}", f"w8 20 {ROOT | ttm << 10:x}", "w4 18 40000000", "r4 1c",
                                        "w4 18 4000000", "r4 1c", "w4 18 84000000", "r4 1c")]

    def iova(self):
        iova = self.rng.choice(self.iovas)
        if self.chance(12):
            iova ^= 1 << self.rng.randrange(12, 64)
        if self.chance(30):
            iova = DATA + 8
        return iova

    def dma(self, iova=None):
        sid, kind = self.rng.choice(self.requesters)
        iova = self.iova() if iova is None else iova
        return (f"d {sid:x} {kind} {iova:x} 8", "")

    def put_all(self, addresses):
        self.put_entries()
        for _ in range(addresses):
            self.map_one()
        self.put_data()

    def tables(self):
        """Tables with flaws, and requests."""
        self.put_all(self.rng.randrange(1, 4))
        for _ in range(self.rng.choice((0, 1, 1, 1, 2, 3))):
            self.spoil_one()
        ttm = self.rng.choice((2, 3)) if self.chance(40) else 1
        requests = [self.dma() for _ in range(self.rng.randrange(3, 9))]
        if self.chance(3):  # over the end of a page
            requests.append((f"d {self.rng.choice(EDUS):x} w {self.iova() & ~0xFFF | 0xFF8:x} 10", ""))
        return self.memory_lines() + self.start_lines(ttm) + requests

    def flushes(self):
        did, iova = self.rng.choice(DOMAINS), self.rng.choice(self.iovas) & 0xFFFFFFFFFFFF
        page, am = iova & ~0xFFF, self.rng.choice((0, 0, 9, 18))
        page &= ~((0x1000 << am) - 1)
        known = [(0x11, 0), (0x21 | did << 16, 0), (0x31 | self.rng.choice((0x10, 0x40, 0x90, 0xE8)) << 32, 0),
                 (0xD2, 0), (0xE2 | did << 16, 0), (0xF2 | did << 16, page | am),
                 (0x26 | did << 16, 0), (0x36 | did << 16, page | am), (0x37, 0), (0x07 | did << 16, 0), (0x17 | did << 16, 0)]
        chosen = self.rng.sample(known, self.rng.randrange(1, 6))
        if self.chance(2):
            chosen = [known[0], known[8], known[3]] + [(0x26 | n << 16, 0) for n in DOMAINS]
        chosen.append((0x25 | 0x5A5A << 32, STATUS))
        return [(f"i {low:x} {high:x} 0 0", "flush") for low, high in chosen]

    def stale(self):
        """Requests, one entry that changes, some invalidations, the same requests."""
        self.put_all(2)
        lines = self.memory_lines() + self.start_lines()
        requests = [self.dma(self.rng.choice(self.iovas)) for _ in range(4)]
        pa = self.spoil_one()
        value, what = self.memory[pa]
        return lines + requests + [(f"m {pa:x} {value:x}", what)] + self.flushes() + requests

    def descriptor(self):
        rng = self.rng
        known = [0x11, 0x21 | 1 << 16, 0x31 | 0x10 << 32, 0x12, 0xE2 | 1 << 16, 0xF2 | 1 << 16, 0x26 | 1 << 16, 0x36 | 1 << 16,
                 0x07 | 1 << 16, 0x17 | 1 << 16, 0x37, 0x04, 0x14, 0x25 | 0x77 << 32, 0x45, 0x65 | 0x78 << 32,
                 0x3 | 0x10 << 32, 0x8 | 0x10 << 16, 0x9 | 0x10 << 16]
        words = [rng.choice(known), 0, 0, 0]
        if words[0] & 15 == 5:
            words[1] = STATUS + 8 * rng.randrange(8)
        elif words[0] & 15 in (2, 6) and words[0] & 0x30 == 0x30:
            words[1] = 0x80000000 | rng.choice((0, 0, 1, 9, 18, 19, 63))
        if not self.chance(3):
            words[0 if self.chance(2) else rng.randrange(4)] ^= 1 << rng.randrange(64)
        if words[0] & 0xF == 5 and words[0] & 0x30 == 0x30 or words[0] & 0xF == 5 and words[1] >= 1 << 24:
            words[0] &= ~0x10
            words[1] &= 0xFFFFFF
        return ("i " + " ".join(f"{word:x}" for word in words), "desc")

    def queue(self):
        """Descriptors of all kinds, with a bit or two where none should be."""
        self.put_all(1)
        return self.memory_lines() + self.start_lines() + [self.descriptor() for _ in range(rng_between(self.rng, 4, 12))]

    def registers(self):
        """Values to read back; what is known to end an emulator is left out."""
        lines = []
        for _ in range(rng_between(self.rng, 6, 20)):
            width, offset = self.rng.choice(((4, 0x38), (4, 0x3C), (4, 0x40), (4, 0x44), (4, 0x34), (4, 0x9C), (4, 0xA0), (4, 0xA4),
                                             (4, 0xA8), (4, 0xAC), (8, 0x20), (4, 0x20), (4, 0x24), (8, 0x90), (4, 0x90), (4, 0x94),
                                             (8, 0xB8), (4, 0xB8), (4, 0x18), (8, 0x220), (8, 0x228), (4, 0x22C), (4, 0x64)))
            value = self.rng.getrandbits(8 * width) & self.rng.getrandbits(8 * width)
            if offset == 0x18:
                value = self.rng.choice((1 << 30, 1 << 26, 1 << 31, 1 << 24))
                offset = 0x1C
                lines.append((f"w4 18 {value:x}", "free"))
            else:
                lines.append((f"w{width} {offset:x} {value:x}", "free"))
            lines.append((f"r{width} {offset:x}", ""))
        return lines


def rng_between(rng, low, high):
    return rng.randrange(low, high)


KINDS = ("tables", "tables", "tables", "stale", "stale", "queue", "registers")


def make(rng, first, testdevs):
    """(kind, lines)."""
    kind = rng.choice(KINDS)
    return kind, getattr(Maker(rng, first, testdevs), kind)()
