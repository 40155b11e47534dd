#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what every file carries, and what none may.

A C file starts with the SPDX line and a comment that says its purpose; a script has the SPDX
line near its top. No source has a mark of unfinished work, and no file names this machine: the
path of the checkout, or the host of a package mirror.
"""

import re

from tap import Tap, c_files, source_dir, tree_files

SPDX = "SPDX-License-Identifier: GPL-3.0-or-later"
C_HEADER = re.compile(r"\A/\* " + re.escape(SPDX) + r" \*/\n\n?/\*+\s*[^\s*].{15,}?\*/", re.DOTALL)
# In pieces, so that this file passes its own check.
MARKS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
HOSTS = re.compile(
    r"(deb|ftp[.a-z]*|security|archive|ports|snapshot)\.(debian\.org|ubuntu\.com)|://[a-z0-9.-]*mirror[a-z0-9.-]*/"
)
SOURCE_SUFFIXES = {".c", ".h", ".py", ".sh", ".build", ".options", ".scm", ".proto"}
SCRIPT_SUFFIXES = {".py", ".sh", ".scm"}


def bad_c_header(text):
    return None if C_HEADER.match(text) else "lacks the SPDX line or the comment on its purpose below it"


def bad_script_header(text):
    return None if SPDX in "\n".join(text.splitlines()[:3]) else "lacks the SPDX line"


def bad_marks(text):
    return [f"line {n}: unfinished" for n, line in enumerate(text.splitlines(), 1) if MARKS.search(line)]


def names_machine(text, root):
    """Places where a text names this machine."""
    pattern = re.compile(HOSTS.pattern + "|" + re.escape(str(root)) + r"(?![\w-])")
    return [f"line {n}: {line.strip()[:100]}" for n, line in enumerate(text.splitlines(), 1) if pattern.search(line)]


def self_test(root):
    """The rules, tried on what they must find and on what they must not."""
    good = f"/* {SPDX} */\n/* Adds two tensors, element by element. */\nint x;\n"
    trials = (
        ("a good C file", not bad_c_header(good)),
        ("no purpose", bad_c_header(f"/* {SPDX} */\n#include <a.h>\n")),
        ("no SPDX line", bad_c_header("/* Adds two tensors, element by element. */\n")),
        ("empty purpose", bad_c_header(f"/* {SPDX} */\n/* */\nint x;\n/* a comment that comes later */")),
        ("a mark", bad_marks("int x; /* " + "TO" + "DO: y */")),
        ("a word with a mark in it", not bad_marks("AUTO" + "TO" + "DOS")),
        ("a mirror", names_machine("http://" + "deb" + ".debian.org/debian", root)),
        ("a path", names_machine(f"cd {root}/build", root)),
        ("another path", not names_machine(f"cd {root}-other/build", root)),
    )
    return [f"wrong on: {name}" for name, right in trials if not right]


def read(root, path):
    """A file's text; None for one that is not text."""
    data = (root / path).read_bytes()
    if b"\0" in data[:8192]:
        return None
    return data.decode("utf-8", "replace")


def is_script(path, text):
    return path.suffix in SCRIPT_SUFFIXES or text.startswith("#!")


def main():
    root = source_dir()
    tap = Tap()
    tap.case("the rules bite", self_test(root))
    texts = {path: read(root, path) for path in tree_files(root)}
    texts = {path: text for path, text in texts.items() if text is not None}
    c_sources = [path for path in c_files(root) if path in texts]
    tap.case("C files start with SPDX and purpose", [f"{p} {bad_c_header(texts[p])}" for p in c_sources if bad_c_header(texts[p])])
    scripts = [path for path, text in texts.items() if is_script(path, text)]
    tap.case("scripts have the SPDX line", [f"{p} {bad_script_header(texts[p])}" for p in scripts if bad_script_header(texts[p])])
    sources = [path for path in texts if path.suffix in SOURCE_SUFFIXES or path in scripts]
    tap.case("no unfinished work", [f"{p}: {mark}" for p in sources for mark in bad_marks(texts[p])])
    tap.case("no file names this machine", [f"{p}: {place}" for p, text in texts.items() for place in names_machine(text, root)])
    tap.done()


if __name__ == "__main__":
    main()
