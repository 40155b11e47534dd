#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""DeepDream from its menu entry in a real GIMP: the dialog, the window of the run, one undo step,
Stop, Cancel, errors, and Repeat. Leaves screenshots in build/screenshots."""

import os
import subprocess
import tempfile
from pathlib import Path

import gui
import numpy
import xcf
from harness import Tap, make_profile
from PIL import Image

STOP, OK, CANCEL = "^Stop and Keep$", "^OK$", "^Cancel$"
MENU = ("Filters", "^Somnium$", "^Dream$", "^DeepDream")
SHORT = 20  # iterations, yet enough for the window to be seen
LONG = 1000  # that nobody waits for
RUN_TIMEOUT_S = 180


class Story:
    """What a person does, each step a test case."""

    def __init__(self, tap, gimp, folder):
        self.tap = tap
        self.gimp = gimp
        self.folder = Path(folder)

    def expect(self, name, is_so, *details):
        self.tap.case(name, [] if is_so else [str(d) for d in details] or ["is not so"])

    def pixels(self):
        """All layers as they are, from the top."""
        path = self.folder / "now.xcf"
        self.gimp.script(
            f"(let ((copy (car (gimp-image-duplicate {self.gimp.image()}))))"
            f' (gimp-file-save RUN-NONINTERACTIVE copy "{path}" -1) (gimp-image-delete copy))'
        )
        return [layer.pixels for layer in xcf.read(path).layers]

    def open_dialog(self):
        self.gimp.menu(*MENU)
        return self.gimp.window_with("button", OK)

    def press_ok(self, dialog):
        """Returns the run's window, if the run takes so long that there is one to be seen."""
        self.gimp.click(dialog, "button", OK)
        return self.gimp.window_with("button", STOP)

    def wait_progress(self, window):
        """Until the run has done a part."""
        text = "iteration [2-9]"
        gui.wait_for("progress", lambda: self.gimp.find(window, "label", text), RUN_TIMEOUT_S)

    def wait_end(self, layers):
        """Until the run is over and its result is there."""
        gui.wait_for(f"{layers} layers", lambda: self.gimp.count_layers() == layers, RUN_TIMEOUT_S)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)

    def undo(self, layers):
        self.gimp.focus_image()
        self.gimp.key("ctrl+z")
        gui.wait_for(f"{layers} layers again", lambda: self.gimp.count_layers() == layers)

    # The chapters; each leaves the image as it found it.

    def dialog(self):
        """The dialog fits a laptop's screen; the value changed there counts."""
        dialog = self.open_dialog()
        box = dialog.queryComponent().getExtents(0)
        self.expect("the dialog is lower than 900 px", box.height < 900, box)
        self.expect("the dialog is on the screen", box.width <= gui.SCREEN[0], box)
        self.gimp.click(dialog, "button", "^New Seed$")
        seed = gui.wait_for("a seed", lambda: self.gimp.get_number(dialog, "^Random seed$"))
        self.expect("New Seed draws a number", seed > 0, seed)
        self.gimp.set_number(dialog, "^Random seed$", 0)
        self.gimp.set_number(dialog, "^Iterations$", SHORT)
        self.gimp.set_number(dialog, r"^Step", 6)
        gui.wait_for("the new step", lambda: self.gimp.get_number(dialog, "^Step") == 6)
        self.gimp.screenshot("dialog")
        return dialog

    def run(self):
        before = self.pixels()
        window = self.press_ok(self.dialog())
        self.wait_progress(window)
        self.gimp.screenshot("run")
        self.wait_end(2)
        self.gimp.screenshot("done")
        names = self.gimp.layers()
        self.expect("a layer lies above the picture", names[0].startswith("DeepDream"), names)
        after = self.pixels()
        change = numpy.abs(after[0].astype(float) - before[0]).mean()
        self.expect("the layer is a dream", change > 3, f"a mean change of {change} levels")
        self.expect("the picture below is as before", numpy.array_equal(after[1], before[0]))
        edit = self.gimp.find(self.gimp.main_window(), "menu item", "^Undo")
        self.expect("the undo step has the effect's name", "DeepDream" in edit[0].name, edit[0].name)
        self.undo(1)
        self.expect("it was one undo step", not self.gimp.is_dirty(), "something else to undo")
        self.gimp.focus_image()
        self.gimp.key("ctrl+y")
        gui.wait_for("the layer again", lambda: self.gimp.count_layers() == 2)
        self.expect("redo brings it back", numpy.array_equal(self.pixels()[0], after[0]))
        self.undo(1)
        return after[0]

    def values_are_remembered(self):
        dialog = self.open_dialog()
        iterations = self.gimp.get_number(dialog, "^Iterations$")
        self.expect("the dialog has the last values", iterations == SHORT, iterations)
        self.gimp.click(dialog, "button", CANCEL)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)

    def repeat(self, dream):
        """Filters > Repeat runs with the last values and shows GIMP's own progress."""
        self.gimp.menu("Filters", "^Repeat|Re-Show|^Repeat Last")
        self.wait_end(2)
        self.expect("Repeat gives the same", numpy.array_equal(self.pixels()[0], dream))
        self.undo(1)

    def stop(self):
        dialog = self.open_dialog()
        self.gimp.set_number(dialog, "^Iterations$", LONG)
        window = self.press_ok(dialog)
        self.wait_progress(window)
        self.gimp.click(window, "button", STOP)
        self.wait_end(2)
        pixels = self.pixels()
        self.expect("Stop keeps the picture so far", not numpy.array_equal(pixels[0], pixels[1]))
        self.undo(1)
        self.expect("that too is one undo step", not self.gimp.is_dirty())

    def cancel(self, how):
        before = self.pixels()
        dialog = self.open_dialog()
        self.gimp.set_number(dialog, "^Iterations$", LONG)
        window = self.press_ok(dialog)
        self.wait_progress(window)
        if how == "Escape":
            self.gimp.key("Escape")
        else:
            self.gimp.click(window, "button", CANCEL)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)
        self.expect(f"{how}: the image is unchanged",
                    not self.gimp.is_dirty() and numpy.array_equal(self.pixels(), before))

    def error(self):
        """A value that cannot be: a sentence, and the dialog is there again."""
        dialog = self.open_dialog()
        self.gimp.set_text(dialog, "^Layers$", "no-such-layer")
        self.gimp.click(dialog, "button", OK)
        message = self.gimp.window_with("label", "no-such-layer")
        self.gimp.screenshot("error")
        self.gimp.click(message, "button", "^Close$")
        self.gimp.window_without("label", "no-such-layer")
        dialog = self.gimp.window_with("button", OK)
        text = self.gimp.control(dialog, "^Layers$").queryText().getText(0, -1)
        self.expect("after an error the dialog has its values", text == "no-such-layer", text)
        self.gimp.click(dialog, "button", CANCEL)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)
        self.expect("an error leaves the image unchanged", not self.gimp.is_dirty())

    def removed(self):
        """The layer goes while the run does: a sentence, and no crash."""
        image = self.gimp.image()
        dialog = self.open_dialog()
        self.gimp.set_number(dialog, "^Iterations$", LONG)
        window = self.press_ok(dialog)
        self.wait_progress(window)
        self.gimp.script(
            f"(gimp-image-remove-layer {image} (vector-ref (car (gimp-image-get-layers {image})) 0))"
        )
        self.gimp.click(window, "button", STOP)
        message = self.gimp.window_with("label", "was removed meanwhile")
        self.gimp.click(message, "button", "^Close$")
        self.gimp.window_without("label", "was removed meanwhile")
        self.gimp.click(self.gimp.window_with("button", OK), "button", CANCEL)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)
        self.undo(1)
        self.expect("nothing was done without the layer", not self.gimp.is_dirty())

    def other_selection(self):
        """What is selected while the run goes neither moves its result nor is lost."""
        image = self.gimp.image()
        before = self.pixels()[0].astype(float)
        self.gimp.script(f"(gimp-image-select-rectangle {image} CHANNEL-OP-REPLACE 0 0 100 300)")
        dialog = self.open_dialog()
        self.gimp.set_number(dialog, "^Iterations$", LONG)
        self.gimp.choose(dialog, "^Output$", "^In place$")
        window = self.press_ok(dialog)
        self.wait_progress(window)
        self.gimp.script(f"(gimp-image-select-rectangle {image} CHANNEL-OP-REPLACE 200 0 100 300)")
        self.gimp.click(window, "button", STOP)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)
        change = numpy.abs(self.pixels()[0] - before).mean(axis=(0, 2))
        self.expect("what was selected at first changes", change[:100].min() > 0, change[:100])
        self.expect("nothing else does", change[100:].max() == 0, change[100:])
        values = [self.gimp.number(f"(car (gimp-selection-value {image} {x} 150))") for x in (50, 250)]
        self.expect("what is selected now stays so", values == [0, 255], values)
        self.gimp.focus_image()
        for _ in range(3):  # the run and both selections
            self.gimp.key("ctrl+z")
        gui.wait_for("the picture as it was", lambda: not self.gimp.is_dirty())
        self.expect("that was one undo step", numpy.array_equal(self.pixels()[0], before))

    def in_place(self):
        before = self.pixels()
        dialog = self.open_dialog()
        self.gimp.set_number(dialog, "^Iterations$", 2)
        self.gimp.choose(dialog, "^Output$", "^In place$")
        self.gimp.click(dialog, "button", OK)
        gui.wait_for("the change", self.gimp.is_dirty, RUN_TIMEOUT_S)
        self.gimp.wait_plug_in_end(RUN_TIMEOUT_S)
        self.expect("in place makes no layer", self.gimp.count_layers() == 1)
        self.expect("in place changes the layer", not numpy.array_equal(self.pixels(), before))
        self.gimp.focus_image()
        self.gimp.key("ctrl+z")
        gui.wait_for("the picture as it was", lambda: not self.gimp.is_dirty())
        self.expect("in place is one undo step", numpy.array_equal(self.pixels(), before))

    def guide(self):
        """A layer as an argument, which GIMP does not remember, is remembered until it is gone."""
        image = self.gimp.image()
        self.gimp.script(
            f"(let ((copy (car (gimp-layer-copy (vector-ref (car (gimp-image-get-layers {image})) 0)))))"
            f" (gimp-image-insert-layer {image} copy 0 1) (gimp-drawable-invert copy FALSE)"
            f' (gimp-item-set-name copy "guide"))'
        )
        dialog = self.open_dialog()
        self.gimp.choose(dialog, "^Output$", "^New layer")
        self.gimp.choose(dialog, "^Guide layer$", "guide")
        self.gimp.click(dialog, "button", OK)
        self.wait_end(3)
        guided = self.pixels()[0]
        self.undo(2)
        self.gimp.menu("Filters", "^Repeat|Re-Show|^Repeat Last")
        self.wait_end(3)
        self.expect("Repeat has the guide", numpy.array_equal(self.pixels()[0], guided))
        self.undo(2)
        self.gimp.script(
            f"(gimp-image-remove-layer {image} (vector-ref (car (gimp-image-get-layers {image})) 1))"
        )
        self.gimp.menu("Filters", "^Repeat|Re-Show|^Repeat Last")
        self.gimp.window_with("label", "is gone")
        self.gimp.screenshot("guide-gone")
        self.expect("Repeat without the guide says so", self.gimp.count_layers() == 1)


def make_picture(path):
    y, x = numpy.mgrid[0:300, 0:400].astype(float)
    waves = [numpy.sin(x / 17) * numpy.cos(y / 23), numpy.sin((x + y) / 31), numpy.cos(numpy.hypot(x - 200, y - 150) / 13)]
    noise = numpy.random.default_rng(3).standard_normal((300, 400, 1))
    rgb = 0.5 + 0.3 * numpy.stack(waves, axis=-1) + 0.03 * noise
    Image.fromarray((255 * numpy.clip(rgb, 0, 1)).astype(numpy.uint8), "RGB").save(path)


def screenshots():
    return Path(os.environ.get("SOMNIUM_BUILD_DIR", "build")) / "screenshots"


def tell(tap, gimp, folder):
    story = Story(tap, gimp, folder)
    dream = story.run()
    story.values_are_remembered()
    story.repeat(dream)
    story.stop()
    story.cancel("Cancel")
    story.cancel("Escape")
    story.error()
    story.removed()
    story.other_selection()
    story.in_place()
    story.guide()


def tell_in_chinese(tap, gimp, folder):
    """The same dialog and window in another language; GIMP's own buttons and menus tell it too."""
    story = Story(tap, gimp, folder)
    gimp.menu("^滤镜", "^Somnium$", "^(Dream|梦.*)$", "^DeepDream")
    dialog = gimp.window_with("button", "^确定")
    english = [
        label.name
        for label in gimp.find(dialog, "label", "[A-Za-z]{3}")
        if not label.name.startswith("DeepDream")
    ]
    story.expect("all labels are Chinese", not english and gimp.find(dialog, "label", "^迭代次数"), english)
    box = dialog.queryComponent().getExtents(0)
    story.expect("the Chinese dialog is on the screen", box.height < 900 and box.width <= gui.SCREEN[0], box)
    gimp.screenshot("dialog-zh_CN")
    gimp.set_number(dialog, "^迭代次数", LONG)
    gimp.click(dialog, "button", "^确定")
    window = gimp.window_with("button", "^停止并保留")
    gui.wait_for("progress", lambda: gimp.find(window, "label", "迭代 [2-9]"), RUN_TIMEOUT_S)
    gimp.screenshot("run-zh_CN")
    gimp.click(window, "button", "^停止并保留")
    gui.wait_for("the layer", lambda: gimp.count_layers() == 2, RUN_TIMEOUT_S)
    story.expect("Stop keeps the picture in Chinese, too", True)


def play(tap, tell, language=None):
    """One GIMP in one language, from its start to its end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        picture = Path(folder) / "picture.png"
        make_picture(picture)
        with gui.Gimp(make_profile(folder), picture, screenshots(), language) as gimp:
            try:
                tell(tap, gimp, folder)
            except (TimeoutError, RuntimeError, subprocess.CalledProcessError) as error:
                tap.case("the story goes on", [error, f"see {gimp.screenshot('failure')}"])


def main():
    missing = gui.tools_missing()
    if missing:
        print(f"Bail out! These programs are missing: {', '.join(missing)}; run this through ./dev test.")
        raise SystemExit(1)
    gui.enter_session()
    tap = Tap()
    play(tap, tell)
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        if gui.provide_locale("zh_CN", folder):
            play(tap, tell_in_chinese, "zh_CN")
        else:
            tap.case("the dialog in Chinese", ["the package locales, for zh_CN.UTF-8, is missing"])
    tap.done()


if __name__ == "__main__":
    main()
