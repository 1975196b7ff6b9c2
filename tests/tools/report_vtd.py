# SPDX-License-Identifier: BSD-2-Clause
"""Registers and entries in words. The fields are read from the headers that declare them, iommu/vtd_regs.h and
iommu/vtd_fmt.h; without these there are no words."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_FIELD = re.compile(r"^#define VTD_([A-Z]+)_(\w+)\s+BITS?\((\d+)(?:, (\d+))?\)(?:\s*/\* (.*?) \*/)?", re.M)
PGTT = {1: "first stage", 2: "second stage", 3: "nested", 4: "pass-through"}
AW = {1: "3 levels", 2: "4 levels", 3: "5 levels"}
TTM = {0: "legacy", 1: "scalable", 3: "abort"}


class Field:
    def __init__(self, name, high, low, note):
        self.name, self.high, self.low, self.note = name, high, low, note

    def of(self, value):
        return value >> self.low & ((1 << (self.high - self.low + 1)) - 1)

    def place(self):
        return str(self.high) if self.high == self.low else f"{self.high}:{self.low}"


def _load():
    """{"CAP": [Field...], ...}; CTX, PDIR and PASID are entries, PASID's own parts (PDIR, INDEX) apart."""
    found = {}
    for name in ("iommu/vtd_regs.h", "iommu/vtd_fmt.h"):
        try:
            with open(os.path.join(ROOT, name), encoding="utf-8") as f:
                text = f.read()
        except OSError:
            continue
        for match in _FIELD.finditer(text):
            group, field, high, low, note = match.groups()
            if (group, field) not in (("PASID", "PDIR"), ("PASID", "INDEX")):
                found.setdefault(group, []).append(Field(field, int(high), int(low or high), note or ""))
    return found


FIELDS = _load()


def fields(group):
    return FIELDS.get(group, [])


def get(group, name, value):
    """One field of a value, or None when the headers do not declare it."""
    return next((field.of(value) for field in fields(group) if field.name == name), None)


def words_of(text):
    """The number behind `b_a`, highest word first, as the driver prints entries."""
    number = 0
    for word in text.split("_"):
        number = number << 64 | int(word, 16)
    return number


def _named(group, field, number):
    if group == "PASID" and field.name == "PGTT":
        return f"PGTT {number} {PGTT.get(number, 'reserved')}"
    if group == "PASID" and field.name == "AW":
        return f"AW {number} {AW.get(number, '')}".rstrip()
    if field.name in ("PASIDDIRPTR", "SMPTBLPTR", "SSPTPTR", "FSPTPTR", "LCTP", "UCTP"):
        return f"{field.name} {number << 12:x}h"
    return field.name if field.high == field.low else f"{field.name} {number:x}h"


def entry_words(group, value):
    """The fields of an entry that are not 0, in words; P always."""
    if group not in FIELDS:
        return []
    said = [] if group == "ROOT" else [f"P = {value & 1}"]
    return said + [_named(group, field, field.of(value)) for field in fields(group)
                   if field.of(value) and field.name != "P"]


def bits_set(group, value):
    """Names of the fields of a register that are not 0; wide ones with their number."""
    return [field.name if field.high == field.low else f"{field.name} {field.of(value)}"
            for field in fields(group) if field.of(value)]


def unit_of(text):
    """The header line of a unit: its words as a dictionary of strings."""
    words = text.split()
    return dict(zip(words[::2], words[1::2]))
