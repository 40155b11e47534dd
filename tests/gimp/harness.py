# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests inside GIMP share: a private profile with the plug-in, a GIMP without windows that
runs Script-Fu, and small pictures to work on."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "checks"))

from tap import Tap  # noqa: E402

CONSOLE_TIMEOUT_S = 600
CHECK = re.compile(r"^CHECK (ok|not ok) - (.*?)(?: # (.*))?$")
# What GIMP itself prints at any run, on every machine.
NOISE = re.compile(
    r"gimp_flush\(\): error: Broken pipe|cannot open display|gimp_wire_read|declared resource name|"
    r"Welcome to GIMP|batch command executed|tag cache|GeglBuffers leaked|gegl_tile_cache_destroy"
)


def staged_plug_in():
    """The folder of the plug-in as it is to be tested, in the profile that `dev` stages."""
    folder = Path(os.environ.get("GIMP3_DIRECTORY", "")) / "plug-ins/somnium"
    if not (folder / "somnium").exists():
        print(f"Bail out! There is no plug-in in {folder}; run this through ./dev test.")
        sys.exit(1)
    return folder


def make_profile(folder):
    """A fresh GIMP profile whose only plug-in is the staged one; returns its folder."""
    profile = Path(folder) / "profile"
    (profile / "plug-ins").mkdir(parents=True)
    shutil.copytree(staged_plug_in(), profile / "plug-ins/somnium", symlinks=False)
    (profile / "gimprc").write_text(
        '(config-version "3.0.4")\n(show-welcome-dialog no)\n(check-updates no)\n'
        "(color-profile-policy keep)\n",
        encoding="utf-8",
    )
    return profile


def make_probe_profile(folder):
    """The same with the tests' own effects (probe-effects.c) in place of the real ones."""
    profile = make_profile(folder)
    shutil.copy(os.environ["SOMNIUM_PROBE"], profile / "plug-ins/somnium/somnium")
    return profile


def quote(text):
    """A string of Script-Fu."""
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def run_console(profile, folder, code, fonts=False):
    """Runs Script-Fu after the definitions of library.scm; returns what the script printed and what
    GIMP said meanwhile. `folder` is what the script knows as `folder`."""
    script = Path(folder) / "script.scm"
    script.write_text(
        f"(define folder {quote(folder)})\n(load {quote(HERE / 'library.scm')})\n{code}\n"
        '(display "SCRIPT COMPLETE")(newline)\n',
        encoding="utf-8",
    )
    environment = dict(os.environ, GIMP3_DIRECTORY=str(profile), LANGUAGE="C")
    environment.pop("DISPLAY", None)
    environment.pop("WAYLAND_DISPLAY", None)
    command = ["gimp-console-3.0", "--quit", "--no-interface", "--new-instance"]
    command += ["--no-data"] + ([] if fonts else ["--no-fonts"])
    command += ["--batch-interpreter=plug-in-script-fu-eval", f"--batch=(load {quote(script)})"]
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        timeout=CONSOLE_TIMEOUT_S,
        check=False,
    )
    return done.stdout, done.stderr


def report_checks(tap, printed):
    """Turns what run_console() returned into cases, one for each check of library.scm."""
    output, messages = printed
    for line in output.splitlines():
        if match := CHECK.match(line):
            verdict, name, detail = match.groups()
            tap.case(name, [] if verdict == "ok" else [detail or "is not so"])
    complete = "SCRIPT COMPLETE" in output
    lines = [line for line in (output + messages).splitlines() if line.strip()]
    tail = [line for line in lines if not CHECK.match(line) and not NOISE.search(line)][-15:]
    tap.case("the script ran to its end", [] if complete else tail or ["it printed nothing"])


def make_pictures(folder):
    """PNG files of 96 x 80 px: something with edges and texture in it, so that networks see
    something; alpha from nothing at the left to full in the middle."""
    y, x = numpy.mgrid[0:80, 0:96].astype(float)
    random = numpy.random.default_rng(7)
    waves = numpy.stack(
        [
            numpy.sin(x / 5) * numpy.cos(y / 7),
            numpy.sin((x + y) / 6),
            numpy.cos(numpy.hypot(x - 48, y - 40) / 4),
        ],
        axis=-1,
    )
    rgb = 0.5 + 0.3 * waves + 0.1 * random.standard_normal((80, 96, 1))
    rgb = (255 * numpy.clip(rgb, 0, 1)).astype(numpy.uint8)
    alpha = (255 * numpy.clip((x - 8) / 40, 0, 1)).astype(numpy.uint8)
    grey = rgb[..., :1]
    folder = Path(folder)
    Image.fromarray(rgb, "RGB").save(folder / "rgb.png")
    Image.fromarray(numpy.dstack([rgb, alpha]), "RGBA").save(folder / "rgba.png")
    Image.fromarray(grey[..., 0], "L").save(folder / "grey.png")
    Image.fromarray(numpy.dstack([grey, alpha]), "LA").save(folder / "grey-alpha.png")


__all__ = [
    "Tap",
    "make_pictures",
    "make_probe_profile",
    "make_profile",
    "quote",
    "report_checks",
    "run_console",
]
