#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reports as a browser shows them: <machine>.html rendered by a headless Chromium, its script run.

    render.py FILE.html...

Of each page a copy is rendered that looks at itself: what it says on top, how many suites, rows and drawings it has
once everything is open, what the filter leaves of the rows, and every error of a script. Exits 0 when all pages are
what they should be, 1 when one is not, 77 where there is no browser.
"""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
if HERE not in sys.path:
    sys.path.append(HERE)
import report_html
import report_tap

NAMES = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT = 60  # seconds for one page, on a busy host
CANNOT = 77
_FIRST = """<script>
var seen = {errors: []};
addEventListener("error", e => seen.errors.push(e.message));
</script>
"""
# Runs last, as a reader would: opens everything, asks for one verdict only, then for none of these words.
_LAST = """<script>
(() => {
    const all = what => [...document.querySelectorAll(what)];
    const rows = () => all(".suite tr").filter(row => !row.hidden);
    seen.word = document.querySelector("header .word").textContent;
    seen.suites = all(".suite").length;
    seen.rows = rows().length;
    all("details").forEach(d => d.open = true);
    const sized = one => one.getBoundingClientRect().width > 0 && one.getBoundingClientRect().height > 0;
    seen.timelines = all("svg.timeline").length;
    seen.drawn = all("svg.timeline").filter(svg => sized(svg) && [...svg.querySelectorAll(".dma")].some(sized)).length;
    const button = document.querySelector("[data-only]");
    if (button) {
        button.click();
        seen.only = [...new Set(rows().map(row => row.dataset.v))];
        seen.wanted = button.dataset.only;
    }
    const words = document.querySelector(".filter input[type=search]");
    if (words) {
        words.value = "no case has such words";
        words.dispatchEvent(new Event("input", {bubbles: true}));
        seen.left = rows().length;
    }
})();
document.body.dataset.seen = JSON.stringify(seen);
</script>
"""


class RenderError(Exception):
    """The page could not be rendered; the text says why."""


def browser():
    """The first of NAMES that is on the PATH, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def look(program, page):
    """What a page says of itself, a dictionary (see _LAST)."""
    text = page.replace("<head>", "<head>" + _FIRST, 1).replace("</body>", _LAST + "</body>", 1)
    with tempfile.TemporaryDirectory(prefix="pasidcheck.") as folder:
        path = os.path.join(folder, "page.html")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        words = [program, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={folder}/profile"]
        if os.geteuid() == 0:
            words.append("--no-sandbox")  # it refuses to start as root with one
        try:
            done = subprocess.run([*words, "--dump-dom", "file://" + path], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT,
                                  check=False)
        except subprocess.TimeoutExpired as error:
            raise RenderError(f"{os.path.basename(program)}: no end after {TIMEOUT} s") from error
    match = re.search(r'<body[^>]* data-seen="([^"]*)"', done.stdout.decode("utf-8", errors="replace"))
    if not match:
        said = done.stderr.decode("utf-8", errors="replace").strip().splitlines()[-1:] or ["nothing"]
        raise RenderError(f"{os.path.basename(program)} exits with {done.returncode} and shows no page; it says: {said[0]}")
    return json.loads(html.unescape(match.group(1)))


def faults(seen, report):
    """What is wrong with a page that was looked at, as words; `report` is the .json beside it."""
    rows, timelines = len(report["cases"]), seen["timelines"]
    suites = len({case["suite"] for case in report["cases"]})
    found = [f"script: {error}" for error in seen["errors"]]
    word = report_tap.verdict(report)[0]
    if seen["word"] != report_html.SAID[word]:
        found.append(f"verdict {word}, it says `{seen['word']}`")
    if (seen["rows"], seen["suites"]) != (rows, suites):
        found.append(f"{seen['rows']} rows in {seen['suites']} suites, of {rows} cases in {suites}")
    if seen["drawn"] != timelines:
        found.append(f"{timelines - seen['drawn']} of {timelines} timelines are not drawn")
    if rows and seen.get("only") != [seen.get("wanted")]:
        found.append(f"asked for `{seen.get('wanted')}` only, it shows {seen.get('only')}")
    if rows and seen.get("left") != 0:
        found.append(f"the filter leaves {seen.get('left')} rows that do not match")
    return found


def render(program, path):
    """(words about a page, its faults)."""
    with open(path, encoding="utf-8") as f:
        page = f.read()
    report = report_tap.load(os.path.splitext(path)[0] + ".json")
    seen = look(program, page)
    return f"{seen['word']}, {seen['rows']} cases in {seen['suites']} suites, {seen['drawn']} timelines", faults(seen, report)


def main(argv):
    program = browser()
    if not program:
        print(f"render: none of {', '.join(NAMES)} is on the PATH (Debian: chromium)")
        return CANNOT
    code = 0
    for path in argv:
        try:
            words, found = render(program, path)
        except (RenderError, report_tap.ReportError, OSError) as error:
            words, found = "not rendered", [str(error)]
        for text in found or [words]:
            print(f"{path}: {'FAILED: ' if found else ''}{text}", flush=True)
        code = 1 if found else code
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
