#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the real GIMP dream, as `./dev demo` does, on its splash picture and on two photos, and
measures that what it saved is dreamt: not noise, not blur, and still the photo (the figures are
explained in dream_figures.py)."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pictures
from common import BUILD, SOURCE, Tap
from dream_figures import measure

TIMES_PHOTO = 5
TIMES_NOISY = 3
CORRELATION = 0.7
PHOTOS = ("n02129165_lion", "n09246464_cliff")
SECONDS = 400


def splash():
    """The picture that every GIMP has."""
    query = ["pkg-config", "--variable=gimpdatadir", "gimp-3.0"]
    folder = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    return next(Path(folder, "images").glob("gimp-splash.*"))


def dream(photo, png):
    """Runs GIMP; returns its output."""
    script = SOURCE / "tests" / "dev" / "demo.scm"
    files = [json.dumps(str(path), ensure_ascii=False)
             for path in (script, photo, png, png.with_suffix(".xcf"))]
    batch = f"(load {files[0]}) (demo {files[1]} {files[2]} {files[3]})"
    command = ["gimp-console", "--no-interface", "--new-instance", "--no-data", "--no-fonts",
               "--batch-interpreter=plug-in-script-fu-eval", f"--batch={batch}", "--quit"]
    profile = os.environ.get("GIMP3_DIRECTORY") or str(BUILD / "profile")
    run = subprocess.run(command, env={**os.environ, "GIMP3_DIRECTORY": profile},
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
    return run.stdout


def problems_of(figures):
    """Which figures are too small."""
    problems = []
    if not figures.dream >= TIMES_PHOTO * figures.photo:
        problems.append(f"the objective is below {TIMES_PHOTO} times the photo's")
    if not figures.dream >= TIMES_NOISY * figures.noisy:
        problems.append(f"the objective is below {TIMES_NOISY} times that of the photo with noise")
    if not figures.correlation >= CORRELATION:
        problems.append(f"the low-pass pictures correlate less than {CORRELATION}")
    return problems


def check(tap, photo, folder):
    png = Path(folder) / f"{photo.stem}-dream.png"
    output = dream(photo, png)
    if not png.exists():
        tap.case(f"dream on {photo.stem}", ["GIMP saved nothing:", *output.splitlines()[-15:]])
        return
    figures = measure(photo, png)
    problems = problems_of(figures)
    tap.case(f"dream on {photo.stem}", problems)
    print(f"# {photo.stem}: {figures}")


def main():
    tap = Tap()
    photos = {path.stem: path for path in pictures.photos()}
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        check(tap, splash(), folder)
        for name in PHOTOS:
            if name in photos:
                check(tap, photos[name], folder)
            else:
                tap.skip(f"dream on {name}", "the photo is in ../shared, which is not here")
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
