#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Screenshots of the dialogs of every effect, to be looked at:

    ./dev shell -- python3 tests/gimp/dialogs.py FOLDER [LANGUAGE]"""

import os
import re
import sys
import tempfile
from pathlib import Path

import gui
from harness import make_pictures

BUILD = Path(os.environ.get("SOMNIUM_BUILD_DIR") or Path(__file__).resolve().parents[2] / "build")


def entries(gimp):
    """Submenu and entry of every effect, as they are called in this language."""
    menu = gimp.wait_widget(gimp.main_window(), "menu", "^Somnium$")
    for group in menu:
        if group.getRole() == gimp.atspi.ROLE_MENU:
            for entry in group:
                yield group.name, entry.name


def show(gimp, group, entry, number):
    gimp.menu("^Filters|滤镜", "^Somnium$", f"^{re.escape(group)}$", f"^{re.escape(entry)}$")
    dialog = gimp.window_with("button", "^(OK|确定)")
    gui.wait_for("the dialog to be drawn", lambda: dialog.queryComponent().getExtents(0).height > 100)
    path = gimp.screenshot(f"{number:02}")
    print(f"{path.name}: {entry}", flush=True)
    gimp.click(dialog, "button", "^(Cancel|取消)")
    gimp.wait_plug_in_end(30)


def main():
    gui.enter_session()
    folder, language = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(prefix="somnium-") as pictures:
        if language and not gui.provide_locale(language, pictures):
            raise SystemExit(f"dialogs: there is no locale {language} here")
        make_pictures(pictures)
        picture = sorted(Path(pictures).glob("*.png"))[0]
        with gui.Gimp(BUILD / "profile", picture, folder, language) as gimp:
            for number, (group, entry) in enumerate(list(entries(gimp))):
                show(gimp, group, entry, number)


if __name__ == "__main__":
    main()
