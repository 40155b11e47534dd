#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the translations: every source with strings is in POTFILES.in, every string of the
sources is in each catalogue of po/LINGUAS, translated, not fuzzy, and well formed."""

import re
import subprocess
import tempfile
from pathlib import Path

from tap import ROOMS, Tap, c_files, source_dir

STRING = re.compile(r'\b(?:_|N_|C_|NC_|ngettext|g_dngettext|Q_)\s*\(\s*(?:\w+\s*,\s*)?"')
XGETTEXT = (
    "xgettext --from-code=UTF-8 --language=C --add-comments=Translators --package-name=somnium "
    "--keyword=_ --keyword=N_ --keyword=Q_:1g --keyword=C_:1c,2 --keyword=NC_:1c,2 "
    "--keyword=ngettext:1,2 --keyword=g_dngettext:2,3 "
    "--flag=N_:1:pass-c-format --flag=_:1:pass-c-format"
).split()


def run(*command, cwd=None):
    """A command's output and messages; raises an error with them if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} ...: {done.stderr.strip()}")
    return done.stdout + done.stderr


def listed_files(root):
    """The files of POTFILES.in."""
    lines = (root / "po/POTFILES.in").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def unlisted_files(root, listed):
    """C files with translatable strings that POTFILES.in lacks, and lines of it without a file."""
    problems = [f"{name} is in POTFILES.in but not in the tree" for name in listed if not (root / name).exists()]
    for path in c_files(root, ROOMS):
        if str(path) not in listed and STRING.search((root / path).read_text(encoding="utf-8")):
            problems.append(f"{path} has translatable strings but is not in po/POTFILES.in")
    return problems


def problems_in_catalogue(catalogue, template, folder):
    """What a catalogue lacks of the template."""
    merged = str(Path(folder, catalogue.name))
    run("msgmerge", "--quiet", "--no-fuzzy-matching", "-o", merged, str(catalogue), template)
    run("msgfmt", "--check", "-o", "/dev/null", str(catalogue))
    problems = []
    for kind, option in (("not translated", "--untranslated"), ("fuzzy", "--only-fuzzy")):
        listing = run("msgattrib", option, "--no-obsolete", "--no-wrap", merged)
        strings = re.findall(r'^msgid (".+")$', listing.split("\n\n", 1)[-1], re.MULTILINE)
        problems += [f"{kind}: {string}" for string in strings if string != '""']
        if not strings and re.search(r"^#: ", listing, re.MULTILINE):
            problems.append(f"{kind}: some long string")
    return problems


def self_test(folder):
    """Tries the comparison on a catalogue with one string missing and one fuzzy."""
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    template, catalogue = Path(folder, "t.pot"), Path(folder, "xx.po")
    template.write_text(header + 'msgid "a"\nmsgstr ""\n\nmsgid "b"\nmsgstr ""\n\nmsgid "c"\nmsgstr ""\n', encoding="utf-8")
    catalogue.write_text(header + 'msgid "a"\nmsgstr "A"\n\n#, fuzzy\nmsgid "b"\nmsgstr "B"\n', encoding="utf-8")
    found = problems_in_catalogue(catalogue, str(template), Path(folder, "out"))
    return [] if sorted(found) == ['fuzzy: "b"', 'not translated: "c"'] else [f"found: {found}"]


def main():
    root = source_dir()
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "out").mkdir()
        tap.case("missing and fuzzy strings are found", self_test(folder))
        missing = [name for name in ("po/POTFILES.in", "po/LINGUAS") if not (root / name).exists()]
        tap.case("po is there", [f"{name} is missing" for name in missing])
        if missing:
            tap.done()
        listed = listed_files(root)
        tap.case("POTFILES.in is complete", unlisted_files(root, listed))
        template = str(Path(folder, "somnium.pot"))
        run(*XGETTEXT, "-o", template, *[name for name in listed if (root / name).exists()], cwd=root)
        lines = (root / "po/LINGUAS").read_text(encoding="utf-8").splitlines()
        languages = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        tap.case("zh_CN is a language", [] if "zh_CN" in languages else ["po/LINGUAS lacks zh_CN"])
        for language in languages:
            try:
                problems = problems_in_catalogue(root / f"po/{language}.po", template, Path(folder, "out"))
            except RuntimeError as error:
                problems = [error]
            tap.case(f"catalogue {language}", problems)
    tap.done()


if __name__ == "__main__":
    main()
