#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks every shell script of the tree with shellcheck, and every Python file for its syntax."""

import subprocess
import tempfile
from pathlib import Path

from tap import Tap, source_dir, tree_files


def is_shell(root, path):
    if path.suffix == ".sh":
        return True
    with open(root / path, "rb") as file:
        first = file.readline(64)
    return first.startswith(b"#!") and (b"bash" in first or first.rstrip().endswith(b"/sh"))


def shellcheck(root, path):
    """The complaints about a script, as lines that name the place."""
    command = ["shellcheck", "--format=gcc", str(path)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.splitlines()


def finds_a_bad_script():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bad.sh").write_text("#!/bin/bash\nrm $1\n", encoding="utf-8")
        return bool(shellcheck(folder, "bad.sh"))


def python_problems(root, path):
    try:
        compile((root / path).read_bytes(), str(path), "exec")
    except SyntaxError as error:
        return [f"{path}:{error.lineno}: {error.msg}"]
    return []


def main():
    root = source_dir()
    tap = Tap()
    tap.case("a bad script is found", [] if finds_a_bad_script() else ["shellcheck accepts anything"])
    files = tree_files(root)
    for path in files:
        if is_shell(root, path):
            tap.case(f"shellcheck {path}", shellcheck(root, path))
    python = [path for path in files if path.suffix == ".py"]
    tap.case("syntax of Python files", [line for path in python for line in python_problems(root, path)])
    tap.done()


if __name__ == "__main__":
    main()
