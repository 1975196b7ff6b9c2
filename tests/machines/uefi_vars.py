# SPDX-License-Identifier: BSD-2-Clause
"""Puts one variable into a copy of OVMF's variable store (UEFI: authenticated variable format), so that
the program can be given its arguments the way a user of a real machine keeps them."""

import struct
import uuid

GUID = uuid.UUID("e8a3f1c4-7b52-4d0e-9c36-5d1b0f7a2e94")  # runtime_guid of kernel/runtime.h
NAME = "PasidcheckArgs"
STORE_GUID = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792")
STORE_HEADER = struct.Struct("<16sIBB6x")
VARIABLE_HEADER = struct.Struct("<HBBIQ16sIII16s")
VARIABLE_START = 0x55AA
VARIABLE_ADDED = 0x3F
ATTRIBUTES = 7  # non-volatile, boot services, runtime


def aligned(offset):
    return (offset + 3) & ~3


def with_variable(image, data, name=NAME, guid=GUID):
    """The image of a variable store with one variable more. ValueError if it is no store or has no room."""
    start = struct.unpack_from("<H", image, 48)[0]
    store_guid, size, _, _ = STORE_HEADER.unpack_from(image, start)
    if store_guid != STORE_GUID.bytes_le:
        raise ValueError("not a store of authenticated variables")
    end = start + size
    at = aligned(start + STORE_HEADER.size)
    while at + VARIABLE_HEADER.size <= end and struct.unpack_from("<H", image, at)[0] == VARIABLE_START:
        fields = VARIABLE_HEADER.unpack_from(image, at)
        at = aligned(at + VARIABLE_HEADER.size + fields[7] + fields[8])
    text = (name + "\0").encode("utf-16-le")
    record = VARIABLE_HEADER.pack(VARIABLE_START, VARIABLE_ADDED, 0, ATTRIBUTES, 0, bytes(16), 0,
                                  len(text), len(data), guid.bytes_le) + text + data
    if at + len(record) > end:
        raise ValueError("no room in the variable store")
    return image[:at] + record + image[at + len(record):]
