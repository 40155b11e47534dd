#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the cases of test runs and judges them.

Reads the .json logs of `meson test`, whose tests speak TAP (a case a line) or just exit (one
case). Prints every failed case with the tail of what its test printed, every skip that the
committed list does not allow, and last `N passed, N failed, N skipped`. The exit status is 0
only if there was a case, none failed and no skip was out of the list.

The list has lines `TEST/CASE  # reason`, patterns as in fnmatch. A line whose reason starts with
`hardware` allows a skip anywhere; the others only where the folder ../shared is not there.
"""

import argparse
import fnmatch
import json
import re
import sys
from pathlib import Path

TAP_LINE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(?:- )?([^#]*?)\s*(?:#\s*(\S+)\s*(.*))?$")
TAP_PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*skip\w*\s*(.*))?$", re.IGNORECASE)
TAIL_LINES = 25


class Case:
    """One outcome: its name (TEST/CASE), passed, failed or skipped, and the reason given."""

    def __init__(self, name, outcome, reason=""):
        self.name = name
        self.outcome = outcome
        self.reason = reason


def tap_cases(test, output):
    """The cases in a test's output; None if it does not speak TAP."""
    cases = []
    spoke_tap = False
    for line in output.splitlines():
        plan = TAP_PLAN.match(line)
        if plan:
            spoke_tap = True
            if int(plan[1]) == 0:
                cases.append(Case(test, "skipped", plan[2] or ""))
            continue
        match = TAP_LINE.match(line)
        if not match:
            continue
        spoke_tap = True
        failed, number, text, directive, reason = match.groups()
        name = f"{test}/{(text or number or '?').lstrip('/')}"
        if (directive or "").lower().startswith("skip"):
            cases.append(Case(name, "skipped", reason or ""))
        else:
            cases.append(Case(name, "failed" if failed else "passed"))
    return cases if spoke_tap else None


def cases_of(test, record):
    """All cases of one test, with one more if the test as a whole went wrong."""
    result = record["result"]
    cases = tap_cases(test, record.get("stdout") or "")
    if cases is None:
        outcome = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(result, "failed")
        return [Case(test, outcome, result.lower())]
    bad = result not in ("OK", "SKIP", "EXPECTEDFAIL")
    if bad and not any(case.outcome == "failed" for case in cases):
        how = {"TIMEOUT": "timed out"}.get(result, f"ended with status {record.get('returncode')}")
        if result == "ERROR" and not record.get("returncode"):
            how = "left out cases that it had planned"
        cases.append(Case(f"{test}/(the program {how})", "failed"))
    return cases


def read_log(path):
    """Pairs of a test's name and its record."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        record = json.loads(line)
        yield record["name"].rsplit(" / ", 1)[-1], record


def read_skips(path):
    """Pairs of a pattern and its reason."""
    skips = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            pattern, _, reason = line.partition("  #")
            if pattern.strip() and not line.startswith("#"):
                skips.append((pattern.strip(), reason.strip()))
    return skips


def allowed(case, skips, shared):
    """Whether a skip is on the list and its reason holds here."""
    return any(
        fnmatch.fnmatchcase(case.name, pattern) and (not shared or reason.startswith("hardware"))
        for pattern, reason in skips
    )


def show(title, record):
    """A failed test's output, from the end."""
    print(f"\n---- {title}")
    for stream in ("stdout", "stderr"):
        lines = (record.get(stream) or "").rstrip().splitlines()
        lines = [line for line in lines if not line.startswith("ok ")]
        for line in lines[-TAIL_LINES:]:
            print(f"    {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", action="store_true", help="../shared is there")
    parser.add_argument("--skips", type=Path, required=True, help="the list of allowed skips")
    parser.add_argument("runs", nargs="+", metavar="LABEL:LOG.json")
    arguments = parser.parse_args()
    skips = read_skips(arguments.skips)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    complaints = []
    for run in arguments.runs:
        label, _, log = run.partition(":")
        prefix = "asan:" if label == "asan" else ""
        if not Path(log).exists():
            print(f"Of the {label} tests, none was run.")
            continue
        for test, record in read_log(Path(log)):
            cases = cases_of(test, record)
            for case in cases:
                counts[case.outcome] += 1
                if case.outcome == "failed":
                    complaints.append(f"FAILED {prefix}{case.name}")
                elif case.outcome == "skipped" and not allowed(case, skips, arguments.shared):
                    complaints.append(
                        f"SKIPPED, which tests/skips.txt does not allow here: "
                        f"{prefix}{case.name} ({case.reason or 'no reason given'})"
                    )
            if any(case.outcome == "failed" for case in cases):
                show(prefix + test, record)
    print()
    for complaint in complaints:
        print(complaint)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if complaints or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
