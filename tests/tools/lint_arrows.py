# SPDX-License-Identifier: BSD-2-Clause
"""Who may include whom: the table of docs/architecture.md, checked on every #include."""

import fnmatch
import os
import re

FREESTANDING = ("float.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h",
                "stdnoreturn.h")
PURE = FREESTANDING + ("string.h", "errno.h")
ANY = ("*",)

_SUBJECT = ("iommu/*", "kernel/lib/*")
_CASES = _SUBJECT + ("tests/harness/*", "tests/dev/dma_dev.h", "tests/actors/*")

# (folder, what it may include of the tree, what of the system). The first folder that fits is the file's.
ARROWS = (
    ("boot/", ("boot/*", "kernel/boot_info.h"), FREESTANDING + ("efi*.h",)),
    ("kernel/lib/", ("kernel/lib/*",), PURE),
    ("kernel/", ("kernel/*", "iommu/iommu.h", "iommu/platform.h"), ANY),
    ("iommu/", _SUBJECT, PURE),
    ("tests/suites/target/", _CASES + ("tests/suites/*.h", "kernel/*"), ANY),
    ("tests/suites/", _CASES + ("tests/suites/*.h",), ANY),
    ("tests/harness/", _CASES, ANY),
    ("tests/actors/", _CASES, ANY),
    ("tests/dev/", _CASES + ("tests/dev/*", "kernel/*"), ANY),
    ("tests/agents/", _CASES + ("tests/agents/*",), ANY),
    ("tests/model/", ("tests/model/*", "iommu/vtd_regs.h", "iommu/vtd_fmt.h", "iommu/types.h", "iommu/platform.h",
                      "kernel/lib/*"), ANY),
    ("tests/host/", _SUBJECT + ("tests/*", "boot/inflate.h", "kernel/switch.h"), ANY),
    ("tests/machines/", (), FREESTANDING + ("efi*.h",)),
)

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)


def includes(text):
    """(line, name, quoted) of each #include."""
    for match in _INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1) or match.group(2), bool(match.group(1))


def _allows(patterns, name):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def check(path, text, exists):
    """(line, words) of each #include that goes against an arrow; exists(path) says what is in the tree."""
    arrow = next((a for a in ARROWS if path.startswith(a[0])), None)
    if not arrow:
        yield 1, "C outside of boot/, kernel/, iommu/ and the known folders of tests/"
        return
    folder, own, system = arrow
    for line, name, quoted in includes(text):
        if not quoted:
            if not _allows(system, name):
                yield line, f"{folder} may not include <{name}>"
        elif ".." in name.split("/"):
            yield line, f'"{name}" leaves its folder: includes are written from the root of the tree'
        elif not exists(name) and exists(os.path.join(os.path.dirname(path), name)):
            yield line, f'"{name}": includes are written from the root of the tree'
        elif folder == "tests/suites/" and name.startswith("tests/suites/target/") or not _allows(own, name):
            yield line, f'{folder} may not include "{name}"'
