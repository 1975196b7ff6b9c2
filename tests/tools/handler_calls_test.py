#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every function of the API is called from handlers: the table of tests/suites/handler_calls_test.c is complete."""

import os
import re
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEADERS = ("ioasid.h", "ioasid_set.h", "ioasid_custom.h", "notifier.h", "svm.h")
TABLE = "tests/suites/handler_calls_test.c"


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def declared(header):
    """Functions of the IOASID API; those of svm.h that begin with svm_ are of the driver's own files."""
    text = re.sub(r"/\*.*?\*/", "", read(header), flags=re.S)
    return re.findall(r"^(?:must_check )?(?:int|void|struct \w+) \**(ioasid_\w+)\(", text, re.M)


class HandlerCalls(unittest.TestCase):
    def test_every_function_is_called(self):
        api = {name for header in HEADERS for name in declared(os.path.join("iommu", header))}
        self.assertGreater(len(api), 30)
        called = re.findall(r"^    CALL\((\w+),", read(TABLE), re.M)
        self.assertEqual(sorted(api), sorted(called))


if __name__ == "__main__":
    unittest.main()
