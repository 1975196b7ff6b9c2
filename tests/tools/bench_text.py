# SPDX-License-Identifier: BSD-2-Clause
"""A measured number beside its bar, and the marks that draw it in text."""

import math

_STEPS = "▁▂▃▄▅▆▇█"
OK, MISSED, NOT_YET = "ok", "MISSED", "not yet"


class Line:
    """One number to hold. `value` None: it cannot be measured (yet), `how` says why. at_least: more is better."""

    def __init__(self, what, bar_words, value, bar, measured, how, at_least=False):
        self.what, self.bar_words, self.value, self.bar = what, bar_words, value, bar
        self.measured, self.how, self.at_least = measured, how, at_least

    def verdict(self):
        if self.value is None:
            return NOT_YET
        return OK if (self.value >= self.bar if self.at_least else self.value <= self.bar) else MISSED


def ratio(value):
    return f"{value:.2f} x"


def spark(values, low, high):
    """One mark a value, on a logarithmic scale."""
    low, high = max(low, 1e-9), max(high, 1e-9)
    span = math.log(high / low) or 1
    return "".join(_STEPS[min(len(_STEPS) - 1, int(math.log(max(value, low) / low) / span * len(_STEPS)))] for value in values)


def gauge(line, width=12):
    """How much of the bar is used: full blocks up to it, `>` beyond."""
    if line.value is None or not line.bar:
        return ""
    used = line.value / line.bar
    if used > 1 and not line.at_least:
        return "█" * width + ">"
    return "█" * round(min(used, 1) * width) + "░" * (width - round(min(used, 1) * width))


def table(lines):
    """The lines as text in columns."""
    rows = [(line.what, line.measured or "-", line.bar_words, line.verdict(), gauge(line)) for line in lines]
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) + "  " + row[4] for row in rows)


def markdown(lines):
    """The lines as a table of docs/bench.md."""
    out = ["| what | bar | measured | | how |", "|---|---|---|---|---|"]
    out += [f"| {line.what} | {line.bar_words} | {line.measured or '-'} | {line.verdict()} | {line.how} |" for line in lines]
    return "\n".join(out)
