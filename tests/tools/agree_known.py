# SPDX-License-Identifier: BSD-2-Clause
"""Differences between the strict unit and emulators that are known, each with its erratum (docs/errata.md).

Two kinds. In words: the answer says the same in another form (`same`: another fault code). In deed: the emulator
behaves as the strict unit would with another script, one where the bits that it does not look at are 0 (VIEWS); what
differs then is explained if the strict unit answers that script as the emulator answers the original one.
"""

ENDS = {"E-037", "E-061", "E-069"}  # after these both sides are in different states
MAMV = 18
RULE_45 = "rule 45"  # a unit need not keep what it has looked up

# ---- In words ----

LEGACY_ENTRY = {0x38: (0x08,), 0x39: (0x01,), 0x3A: (0x0A,), 0x40: (0x09,), 0x41: (0x02,), 0x42: (0x0B,)}
LEGACY_SECOND = {0x78: (0x07,), 0x79: (0x05, 0x06), 0x7A: (0x0C,), 0x7B: (0x03,), 0x84: (0x04,), 0x85: (0x05,), 0x86: (0x06,)}
PASID_TABLES = range(0x50, 0x5C)
PP_PASID = 1 << 31 | 0xFFFFF << 40
SILENT = {0x83: "E-060", 0x85: "E-067", 0x86: "E-067"}
FPD_WITHOUT_P = (0x51, 0x59, 0x5B)


class Machine:
    def __init__(self, name):
        version, stage = name.split("-")
        self.name, self.first = name, stage == "fs"
        self.version = tuple(int(part) for part in version.split("."))

    def until(self, *version):
        return self.version <= version

    def since(self, *version):
        return self.version >= version


def same_code(machine, ours, theirs):
    """Ids that make the one reason the other; None if nothing does."""
    if ours == theirs:
        return set()
    if theirs in LEGACY_ENTRY.get(ours, ()):
        return {"E-003"}
    if theirs in LEGACY_SECOND.get(ours, ()):
        return {"E-004"}
    if machine.until(9, 2) and ours in PASID_TABLES and theirs == 0x58:
        return {"E-006"}
    if machine.since(10, 0) and (ours, theirs) == (0x59, 0x5B):
        return {"E-005"}
    if machine.since(10, 0) and ours == 0x52 and theirs in PASID_TABLES:
        return {"E-008"}  # the table has been read
    if ours == 0x5A and theirs in (0x5B, 0x73, 0x03, 0x80, 0x04):
        return {"E-007"}  # the type, the address of the request, an address beyond HAW
    if machine.first and theirs in (0x81, 0x85) and ours in (*range(0x70, 0x74), 0x81):
        return {"rule order"}
    if not machine.first and theirs in (0x05, 0x06) and ours in (0x78, 0x79, 0x7A):
        return {"rule order"}
    return None


def values(lines, kind):
    return [int(text.split()[2], 16) for text, what in lines if what == kind and text.startswith("m ")]


ROOT_RESERVED = 0xFFFF000000000FFE


def same_refusal(machine, lines, ours, theirs):
    """Refused for what has nothing to do with the request, or, of two pages, the first one in silence."""
    code = int(ours.split()[3], 16) >> 32 & 0xFF
    if code in SILENT and theirs.split()[4:] == ours.split()[4:] and theirs.split()[2] > ours.split()[2]:
        return {SILENT[code]}
    code = int(theirs.split()[3], 16) >> 32 & 0xFF
    if machine.first and code == 0x80 and any(value >> 2 & 7 != 2 for value in values(lines, "pe0")):
        return {"E-037"}
    if code == 0x0A and any(value & ROOT_RESERVED for value in values(lines, "root")):
        return {"E-061"}
    return None


def same_fault(machine, ours, theirs):
    """Both as (FSTS, lower half, upper half of the record)."""
    ids = set()
    if ours == theirs:
        return ids
    status, low, high = ours
    if status == 0 and theirs[0] == 2:
        code = theirs[2] >> 32 & 0xFF
        if machine.until(9, 2) and code == 0x58:
            return {"E-006"}
        return {"E-002"} if machine.since(10, 0) and code in FPD_WITHOUT_P else None
    if theirs == (0, 0, 0) and high >> 32 & 0xFF in SILENT:
        return {SILENT[high >> 32 & 0xFF]}
    if theirs[:2] != (status, low):
        return None
    upper = theirs[2]
    if machine.until(10, 2) and upper & PP_PASID and not high & PP_PASID:
        ids.add("E-019")
        upper &= ~PP_PASID
    code = same_code(machine, high >> 32 & 0xFF, upper >> 32 & 0xFF)
    if code is None or (high ^ upper) & ~(0xFF << 32):
        return None
    return ids | code


def words_of(changes):
    return {int(at, 16): int(value, 16) for at, value in (change.split("=") for change in changes)}


def same_memory(machine, ours, theirs):
    if ours == theirs:
        return set()
    ours, theirs = words_of(ours), words_of(theirs)
    for at in ours.keys() | theirs.keys():
        mine = ours.get(at)
        if mine is None or (theirs.get(at, mine & ~0x40) ^ mine) not in (0, 0x40):
            return None
    return {"E-010"} if machine.since(10, 0) and machine.first else None


def same_dma(machine, ours, theirs):
    ours, theirs = ours.split(), theirs.split()
    if theirs[0] not in ("?", ours[0]):
        return None
    fault = same_fault(machine, *(tuple(int(word, 16) for word in words[1:4]) for words in (ours, theirs)))
    memory = same_memory(machine, ours[4:], theirs[4:])
    return None if fault is None or memory is None else fault | memory


REGISTERS = [  # id, applies, offset, bits that differ
    ("E-038", lambda m: m.until(9, 2), 0x90, 1 << 11),
    ("E-062", lambda m: True, 0x90, ~0xFFF),
    ("E-063", lambda m: True, 0xB8, 1 << 11),
    ("E-066", lambda m: True, 0xA4, 0xFFFF0000),
    ("E-069", lambda m: True, 0x1C, 1 << 26),
]


def same_register(machine, words, ours, theirs):
    shift = 32 if words[1][-1] == "4" and words[0] == "r4" and int(words[1], 16) & ~4 in (0x90, 0xB8) else 0
    offset = int(words[1], 16) - (4 if shift else 0)
    differ, ids = (ours ^ theirs) << shift, set()
    for erratum, applies, at, bits in REGISTERS:
        if applies(machine) and at == offset and differ & bits:
            ids.add(erratum)
            differ &= ~bits
    return None if differ else ids


def same(machine, lines, n, ours, theirs):
    """Ids that make one answer to line n the other; empty if they are alike, None if nothing explains it."""
    if theirs.startswith("lost"):
        return None
    if lines[n][0][0] == "d":
        ids = same_dma(machine, ours, theirs)
        return same_refusal(machine, lines, ours, theirs) if ids is None else ids
    if lines[n][0][0] == "r":
        return same_register(machine, lines[n][0].split(), int(ours, 16), int(theirs, 16))
    return set() if ours == theirs else None


# ---- In deed ----

class View:
    """How an emulator takes a script: other bits in the lines, other capabilities, other words for the unit."""

    def __init__(self, erratum, applies, change=None, ecap=0, words=""):
        self.erratum, self.applies, self.change, self.ecap, self.words = erratum, applies, change, ecap, words

    def matters(self, machine, lines):
        return self.ecap or self.words or self.change(machine, lines) != lines


def each(change_line):
    """A change of lines one by one."""
    return lambda machine, lines: [(change_line(machine, text, what), what) for text, what in lines]


def entries(**masks):
    """Of memory lines, by kind of entry: function of the value."""
    def change(machine, text, what):
        if what not in masks or not text.startswith("m "):
            return text
        _, at, value = text.split()
        return f"m {at} {masks[what](machine, int(value, 16)):x}"
    return each(change)


def values(lines, kind):
    return [int(text.split()[2], 16) for text, what in lines if what == kind and text.startswith("m ")]


def keep(first, second=None):
    return lambda machine, value: value & (first if machine.first or second is None else second)


def pgtt_second(_machine, value):
    return value & ~0x1C0 | 0x80 if value >> 6 & 7 in (1, 3) else value


@each
def ttm(_machine, text, _what):
    name, *rest = text.split()
    if name != "w8" or rest[0] != "20":
        return text
    value = int(rest[1], 16)
    return f"w8 20 {value & ~0x800 if value & 0x800 else value:x}"


def without(kinds):
    """Some types of invalidation do nothing."""
    def change(_machine, text, what):
        return "i 4 0 0 0" if what == "flush" and int(text.split()[1], 16) & 0xF in kinds else text
    return each(change)


HARMLESS = "i 4 0 0 0"  # iec_inv of everything
REFUSED = "i f 0 0 0"


def descriptors(change_words):
    """Of single descriptors: other words, or a text in their place."""
    @each
    def change(_machine, text, what):
        if what != "desc":
            return text
        words = [int(word, 16) for word in text.split()[1:]]
        words = change_words(words[0] & 0xE0F, words)
        return words if isinstance(words, str) else "i " + " ".join(f"{word:x}" for word in words)
    return change


def ignored(wanted, type_bits):
    """Nothing of a type is looked at, nor executed."""
    return descriptors(lambda kind, words: HARMLESS if kind & type_bits == wanted else words)


def executed(masks, upper=0):
    """Types that the unit does not have are executed if nothing else is set than these bits; nothing follows."""
    def change(kind, words):
        mask = (*masks.get(kind, (0, 0)), upper, upper)
        return HARMLESS if kind in masks and not any(word & ~bits for word, bits in zip(words, mask)) else words
    return descriptors(change)


def piotlb_mask(kind, words):
    return REFUSED if kind == 6 and words[0] >> 4 & 3 == 3 and words[1] & 0x3F > MAMV else words


def fence_only(kind, words):
    return REFUSED if kind == 5 and words[0] & 0x30 == 0 else words


DEVICE_TLB = {3: (0xFFFF001F000F, ~0xFFE), 8: (0xFFFFFFFFF01FF, ~0x7FE)}
PAGE_RESPONSE = {9: (0xFFFFFFFFFF01F, 0xFFC)}
FSPTPTR, SSPTPTR = 0xFFFFFFFFFFFFF000, 0xFFFFFFFFFFFFF000
VIEWS = [
    View("E-001", lambda m: True, words="p_counts"),
    View("E-007", lambda m: True, entries(pe0=keep(0x1DF, 0x1DF | SSPTPTR), pe1=keep(0xFFFF), pe2=keep(0xC | FSPTPTR, 0),
                                          **{f"pe{n}": keep(0) for n in range(3, 8)})),
    View("E-008", lambda m: True, entries(pdir=keep(~0xFFC))),
    View("E-009", lambda m: m.until(10, 2), entries(ctx0=keep(~0x1C), ctx1=keep(~0x100000))),
    View("E-009", lambda m: m.since(11, 0), entries(ctx0=keep(~0x1C), ctx1=keep(~0x1FFFFF))),
    View("E-014", lambda m: m.until(9, 2), without((6,))),
    View("E-015", lambda m: m.until(10, 1), without((7,))),
    View("E-018", lambda m: m.until(10, 2), ecap=1 << 49),
    View("E-021", lambda m: m.until(10, 2), entries(ctx0=lambda m, value: value | 0xE00)),
    View("E-022", lambda m: True, ttm),
    View("E-028", lambda m: m.until(9, 2), entries(pe0=pgtt_second)),
    View("E-036", lambda m: m.since(10, 0) and m.first, entries(pe1=lambda m, value: value | 1 << 23), ecap=1 << 48),
    View("E-039", lambda m: m.since(10, 2), without((6, 7))),
    View("E-064", lambda m: m.until(9, 2), descriptors(lambda kind, words: [*words[:2], 0, 0])),
    View("E-013", lambda m: m.until(10, 1), descriptors(fence_only)),
    View("E-015", lambda m: m.until(9, 2), ignored(7, 0xF)),
    View("E-015", lambda m: m.since(10, 0) and m.until(10, 1), ignored(7, 0xE0F)),
    View("E-014", lambda m: m.until(9, 2), ignored(6, 0xF)),
    View("E-016", lambda m: m.until(9, 2), executed({3: DEVICE_TLB[3]}, ~0)),
    View("E-016", lambda m: m.since(10, 0), executed(DEVICE_TLB)),
    View("E-017", lambda m: m.since(10, 2), executed(PAGE_RESPONSE)),
    View("E-033", lambda m: m.until(9, 1), ignored(4, 0xF)),
    View("E-068", lambda m: m.since(10, 0), descriptors(piotlb_mask)),
]
