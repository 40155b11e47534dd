#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every effect's dialog can do, seen in dialogs of effects of the tests' own (probe-effects.c):
submenus, rows that are grey or hidden, lists of layers and classes, what a run will cost, the
preferences, and runs with no image open. Leaves screenshots in build/screenshots."""

import os
import subprocess
import tempfile
from pathlib import Path

import gui
from harness import Tap, make_pictures, make_probe_profile

OK, CANCEL = "^OK$", "^Cancel$"
RUN_TIMEOUT_S = 60


class Story:
    """What a person does, each step a test case."""

    def __init__(self, tap, gimp, profile):
        self.tap = tap
        self.gimp = gimp
        self.profile = Path(profile)

    def expect(self, name, is_so, *details):
        self.tap.case(name, [] if is_so else [str(d) for d in details] or ["is not so"])

    def wait(self, name, is_so):
        try:
            gui.wait_for(name, is_so, 20)
            self.tap.case(name, [])
        except TimeoutError as error:
            self.tap.case(name, [error, f"see {self.gimp.screenshot('missed')}"])

    def open(self, *path):
        self.gimp.menu("Filters", "^Somnium$", *path)
        return self.gimp.window_with("button", OK)

    def shown(self, dialog, label):
        found = self.gimp.find(dialog, "label", label)
        return any(w.getState().contains(self.gimp.atspi.STATE_SHOWING) for w in found)

    def menus(self):
        """A submenu for each group, and the preferences."""
        menu = self.gimp.wait_widget(self.gimp.main_window(), "menu", "^Somnium$")
        names = [child.name for child in menu]
        groups = ["Dream", "Style", "Explain", "Look Inside"]
        self.expect("a submenu for each group", set(groups) <= set(names), names)
        self.expect("the preferences", any(n.startswith("Preferences") for n in names), names)

    def grey_rows(self, dialog):
        size = self.gimp.control(dialog, "^Size$")
        self.wait("a row counts", lambda: self.gimp.sensitive(size))
        self.gimp.choose(dialog, "^Make$", "^Text alone$")
        self.wait("a row that does not count is grey", lambda: not self.gimp.sensitive(size))
        self.gimp.choose(dialog, "^Make$", "^A green layer$")
        self.wait("and counts again", lambda: self.gimp.sensitive(size))

    def numbered_rows(self, dialog):
        self.expect("the first of numbered rows is shown", self.shown(dialog, "^Style 1 name$"))
        self.expect("the second is not", not self.shown(dialog, "^Style 2 name$"))
        title = "^Further styles$"
        self.expect("nor the title over it", not self.shown(dialog, title))
        self.gimp.set_text(dialog, "^Style 1 name$", "waves")
        self.wait("once the first is used it is", lambda: self.shown(dialog, "^Style 2 name$"))
        self.expect("so is its title", self.shown(dialog, title))
        self.expect("the third is not", not self.shown(dialog, "^Style 3 name$"))
        self.expect("where numbers begin at 2, these are shown", self.shown(dialog, "^Mix 2 name$"))
        self.expect("and the next are not", not self.shown(dialog, "^Mix 3 name$"))
        hint = self.gimp.control(dialog, "^Mix 2 name$").getAttributes()
        self.expect("an empty row says what it means", "placeholder-text:no mix 2" in hint, hint)

    def narrow_down(self, dialog, text, pattern):
        """Types into the list that is open; returns the only cell that is left."""
        gui.wait_for("the list", lambda: len(self.gimp.find(dialog, "table cell", ".")) > 9)
        self.gimp.type(text)
        cells = gui.wait_for("one cell", lambda: self.only(self.gimp.find(dialog, "table cell", pattern)))
        return cells[0]

    def only(self, cells):
        return cells if len(cells) == 1 else None

    def layers(self, dialog):
        self.gimp.set_text(dialog, "^Layers$", "relu2_1:0.5")
        self.gimp.click(dialog, "toggle button", "^List the network's layers$")
        gui.wait_for("the list", lambda: self.gimp.find(dialog, "table cell", "^relu3_1$"))
        self.gimp.screenshot("host-layers")
        cell = self.narrow_down(dialog, "relu3_1", "relu|conv|pool")
        self.gimp.click_at(cell.parent[cell.getIndexInParent() - 1])  # the tick before it
        entry = self.gimp.control(dialog, "^Layers$").queryText()
        self.wait(
            "a ticked layer joins the others",
            lambda: entry.getText(0, -1) == "relu2_1:0.5,relu3_1",
        )
        self.gimp.key("Escape")

    def classes(self, dialog):
        self.gimp.click(dialog, "toggle button", "^List the network's classes$")
        cell = self.narrow_down(dialog, "Golden Re", "retriever")
        self.gimp.screenshot("host-classes")
        self.gimp.click_at(cell)
        entry = self.gimp.control(dialog, "^Class$").queryText()
        self.wait("a class is picked", lambda: "golden retriever" in entry.getText(0, -1))

    def estimate(self, dialog):
        self.gimp.set_number(dialog, "^Size$", 1)
        self.wait(
            "time and memory are foretold",
            lambda: self.gimp.find(dialog, "label", r"^Expected: about \d+ (s|min|h), 1\.0\sGB of memory"),
        )
        self.gimp.set_number(dialog, "^Size$", 100)
        self.wait(
            "too much memory is said to be",
            lambda: self.gimp.find(dialog, "label", r"100\.0\sGB of memory, more than the"),
        )

    def dialog(self):
        dialog = self.open("^Dream$", "^Limits")
        self.gimp.screenshot("host-dialog")
        self.grey_rows(dialog)
        self.numbered_rows(dialog)
        self.estimate(dialog)
        self.layers(dialog)
        self.classes(dialog)
        self.gimp.screenshot("host-dialog-used")
        self.gimp.click(dialog, "button", CANCEL)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)

    def probe(self, effect, *arguments):
        """Runs an effect of the tests' own as a script does, on the image's first layer."""
        image = self.gimp.image()
        self.gimp.script(
            f"(plug-in-somnium-{effect} #:run-mode RUN-NONINTERACTIVE #:image {image} "
            f"#:drawables (vector (vector-ref (car (gimp-image-get-layers {image})) 0)) {' '.join(arguments)})"
            " (gimp-displays-flush)"
        )

    def undo_steps(self):
        """Whatever a run makes is one undo step, and what it leaves alone is none."""
        for make, output in (
            ("layer", "new-layer"),
            ("layer", "in-place"),
            ("two-layers", "in-place"),
            ("mask", "new-layer"),
            ("selection", "new-layer"),
        ):
            self.probe("informs", f'#:make "{make}" #:output "{output}"')
            self.expect(f"{make}, {output}: something to undo", self.gimp.is_dirty())
            self.gimp.focus_image()
            self.gimp.key("ctrl+z")
            self.wait(f"{make}, {output}: one step", lambda: not self.gimp.is_dirty())
        self.probe("informs", '#:make "text"')
        self.expect("text: nothing to undo", not self.gimp.is_dirty())

    def open_images(self):
        """Pictures that the run asks GIMP for while its window is there."""
        dialog = self.open("^Look Inside$", "^None")
        self.wait(
            "pictures are counted beforehand",
            lambda: self.gimp.find(dialog, "label", r"^Expected: 1\.5\sGB of memory"),
        )
        self.expect("that they are taken is said", self.shown(dialog, "^Without a folder, the open images"))
        self.gimp.choose(dialog, "^Make$", "^Text alone$")
        self.gimp.click(dialog, "button", OK)
        message = self.gimp.window_with("label", r"rgb.*\(-1 bytes\): picture: 16 x 13 x 4")
        self.gimp.screenshot("host-message")
        self.gimp.click(message, "button", "^Close$")
        self.expect("open images are read while the window is there", True)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)

    def on_image(self, code):
        """Runs Script-Fu that knows the image and its layers by these names."""
        layers = "(car (gimp-image-get-layers image))"
        self.gimp.script(f"(let* ((image {self.gimp.image()}) (layers {layers})) {code})")

    def copy_layer(self):
        """A second layer on top; both are chosen."""
        self.on_image(
            "(gimp-image-insert-layer image (car (gimp-layer-copy (vector-ref layers 0))) 0 0)"
            " (gimp-image-set-selected-layers image (car (gimp-image-get-layers image)))"
        )

    def expect_refusal(self, dialog, sentence):
        """OK ends in a sentence, and the dialog is there again."""
        self.gimp.click(dialog, "button", OK)
        message = self.gimp.window_with("label", sentence)
        self.gimp.click(message, "button", "^Close$")
        self.gimp.window_without("label", sentence)
        self.expect(f"a sentence: {sentence}", True)
        self.gimp.click(self.gimp.window_with("button", OK), "button", CANCEL)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)

    def removed(self):
        """What was chosen goes while the dialog is open."""
        self.on_image(
            "(gimp-image-insert-channel image (car (gimp-channel-new image \"outline\" 20 20 50 '(0 0 0))) 0 0)"
            " (gimp-image-set-selected-layers image (vector (vector-ref layers 0)))"
        )
        dialog = self.open("^Dream$", "^Limits")
        self.gimp.choose(dialog, "^Region$", "^outline$")
        self.on_image(
            "(gimp-image-remove-channel image (vector-ref (car (gimp-image-get-channels image)) 0))"
        )
        self.expect_refusal(dialog, "“Region” was removed meanwhile")
        self.copy_layer()
        self.on_image("(gimp-image-set-selected-layers image (vector (vector-ref layers 0)))")
        dialog = self.open("^Dream$", "^Limits")
        self.on_image("(gimp-image-remove-layer image (vector-ref layers 0))")
        self.expect_refusal(dialog, "A layer that was chosen was removed meanwhile")

    def one_removed(self):
        """Of two layers one goes: the other is worked on."""
        self.copy_layer()
        dialog = self.open("^Dream$", "^Limits")
        self.on_image("(gimp-image-remove-layer image (vector-ref layers 0))")
        before = self.gimp.count_layers()
        self.gimp.choose(dialog, "^Make$", "^A green layer$")
        self.gimp.click(dialog, "button", OK)
        self.wait("the layer that is left is worked on", lambda: self.gimp.count_layers() == before + 1)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)

    def preferences(self):
        dialog = self.open("^Preferences")
        self.gimp.screenshot("host-preferences")
        self.gimp.set_number(dialog, r"^Memory \(MB\)$", 777)
        self.gimp.click(dialog, "button", OK)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)
        text = (self.profile / "somnium.ini").read_text(encoding="utf-8")
        self.expect("the preferences are saved", "memory-mb=777" in text, text)

    def without_image(self):
        """With nothing open: what needs no image runs, what does is grey."""
        dialog = self.open("^Look Inside$", "^None")
        self.gimp.choose(dialog, "^Make$", "^Two images$")
        self.gimp.screenshot("host-no-image")
        self.gimp.click(dialog, "button", OK)
        count = "(vector-length (car (gimp-get-images)))"
        self.wait("two images are open then", lambda: self.gimp.number(count) == 2)
        gui.wait_for("their window", lambda: self.gimp.windows("GIMP$"))
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)
        self.gimp.screenshot("host-images")

    def repeated(self):
        """Repeat shows the images that it makes, too."""
        shown = "(apply + (map (lambda (id) (car (gimp-display-id-is-valid id))) '(1 2 3 4 5 6 7 8 9)))"
        self.expect("both images are shown", self.gimp.number(shown) == 2, self.gimp.number(shown))
        self.gimp.menu("Filters", "^Repeat|Re-Show|^Repeat Last")
        self.wait("what Repeat makes is shown", lambda: self.gimp.number(shown) == 4)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)


def screenshots():
    return Path(os.environ.get("SOMNIUM_BUILD_DIR", "build")) / "screenshots"


def play(tap, with_picture, *chapters):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        make_pictures(folder)
        profile = make_probe_profile(folder)
        picture = Path(folder) / "rgb.png" if with_picture else None
        with gui.Gimp(profile, picture, screenshots()) as gimp:
            story = Story(tap, gimp, profile)
            try:
                for chapter in chapters:
                    getattr(story, chapter)()
            except (TimeoutError, RuntimeError, subprocess.CalledProcessError) as error:
                tap.case("the story goes on", [error, f"see {gimp.screenshot('failure')}"])


def main():
    missing = gui.tools_missing()
    if missing:
        print(f"Bail out! These programs are missing: {', '.join(missing)}; run this through ./dev test.")
        raise SystemExit(1)
    gui.enter_session()
    tap = Tap()
    # the last leaves a message of GIMP's own
    play(tap, True, "menus", "dialog", "undo_steps", "open_images", "preferences", "removed", "one_removed")
    play(tap, False, "without_image", "repeated")
    tap.done()


if __name__ == "__main__":
    main()
