#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that every C file is as clang-format leaves it, a case a folder; `./dev format` mends it."""

import subprocess
import tempfile
from pathlib import Path

from tap import Tap, c_files, source_dir


def problems_of(root, paths):
    """What clang-format would change, as lines that name the place."""
    if not paths:
        return []
    command = ["clang-format", "--dry-run", "-Werror", "--ferror-limit=3", *map(str, paths)]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return []
    places = [line for line in run.stderr.splitlines() if ": error:" in line]
    return (places or run.stderr.splitlines())[:20] + ["./dev format mends this"]


def finds_a_bad_file(root):
    """Tries the check on a file that is formatted otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, ".clang-format").write_bytes((root / ".clang-format").read_bytes())
        Path(folder, "bad.c").write_text("int f (int*a){return *a ;}\n", encoding="utf-8")
        return bool(problems_of(folder, ["bad.c"]))


def main():
    root = source_dir()
    tap = Tap()
    tap.case("a bad file is found", [] if finds_a_bad_file(root) else ["clang-format accepts anything"])
    files = c_files(root)
    for folder in sorted({path.parts[0] for path in files}):
        tap.case(f"format of {folder}", problems_of(root, [p for p in files if p.parts[0] == folder]))
    tap.done()


if __name__ == "__main__":
    main()
