#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every argument of the procedure, as Script-Fu passes it: good values do what they say, bad ones
end in a sentence; and the three run modes."""

import re
import tempfile
from pathlib import Path

import numpy
import xcf
from harness import Tap, make_pictures, make_profile, quote, report_checks, run_console

PROCEDURE = "plug-in-somnium-deepdream"
HOST_ARGUMENTS = {"run-mode", "image", "drawables", "output"}

# Good values of each argument: Script-Fu, and whether the picture then differs from the default's.
# What only counts with other arguments comes with them, and is compared to them alone.
GOOD = {
    "network": [('""', False), ('"somnium-vgg12"', False), ("base-path", False)],
    "layers": [('""', False), ('"relu4_3"', False), ("one-layer", True), ("two-layers", True)],
    "objective": [('"l2"', False), ('"mean"', True), ('"channel"', True), ('"class"', True)],
    "channel": [("-1", False), ("3", False), ('5 #:objective "channel"', True)],
    "class": [('""', False), ('"0"', False), ('"7" #:objective "class"', True)],
    "head": [('"pooled"', False), ('"resized"', False)],
    "working-size": [("0", False), ("48", True), ("1024", False)],
    "octaves": [("0", False), ("2", True)],
    "octave-scale": [("2 #:octaves 2", True), ("1.2 #:octaves 2", True)],
    "iterations": [("1", True), ("4", True)],
    "step": [("0.5", True), ("3", True)],
    "jitter": [("0", True), ("4", True)],
    "smoothing": [('"none"', True), ('"blur"', True), ('"laplacian"', False)],
    "smoothing-levels": [("1", True), ("4", True)],
    "smoothing-sigma": [("2", False), ('3 #:smoothing "blur"', True)],
    "guide": [("-1", False), ("guide-layer", True)],
    "guide-file": [('""', False), ('(path "grey.png")', True)],
    "strength": [("0.5", True), ("2", True)],
    "keep-colors": [("FALSE", False), ("TRUE", True)],
    "seed": [("0", False), ("1", True), ("2147483647", True)],
    "all-images": [("FALSE", False)],
    "memory-mb": [("0", False), ("4000", False)],
}

# Bad values, and a part of the sentence that they must end in.
BAD = {
    "network": [('"no such network"', "no such network"), ('(path "rgb.png")', "rgb.png"),
                ('(path "empty.onnx")', "empty.onnx"), ("1", "expected type: string")],
    "layers": [('"no-such-layer"', "no-such-layer"), ('"a:b:c"', "no weight"),
               ('(string-append one-layer ":x")', "weight"),
               ('(string-append one-layer ":nan")', "weight")],
    "objective": [('"best"', "l2, mean, channel, class"), ("2", "expected type: string")],
    "channel": [('100000', "out of range"), ('-2', "out of range"),
                ('65000 #:objective "channel"', "65000")],
    "class": [('"no such class" #:objective "class"', "no such class"),
              ('"100000" #:objective "class"', "100000")],
    "head": [('"cropped"', "pooled, resized"), ("1", "expected type: string")],
    "working-size": [("-1", "out of range"), ("1000000", "out of range"),
                     ('"big"', "expected type: numeric")],
    "octaves": [("-1", "out of range"), ("1000", "out of range")],
    "octave-scale": [("1", "out of range"), ("1000", "out of range")],
    "iterations": [("0", "out of range"), ("1000000", "out of range")],
    "step": [("0", "out of range"), ("-1.5", "out of range"), ("1e30", "out of range")],
    "jitter": [("-1", "out of range"), ("100000", "out of range")],
    "smoothing": [('"median"', "none, blur, laplacian"), ('""', "none, blur, laplacian")],
    "smoothing-levels": [("0", "out of range"), ("100", "out of range")],
    "smoothing-sigma": [("-1", "out of range"), ("1000", "out of range")],
    "guide": [("123456", "Invalid ID"), ('"guide"', "expected type: numeric")],
    "guide-file": [('(path "none.png")', "no such file"), ("folder", "cannot be opened"),
                   ('(path "empty.onnx")', "cannot be opened"), ("1", "expected type: string")],
    "strength": [("-0.5", "out of range"), ("99", "out of range")],
    "keep-colors": [('"yes"', "expected type: numeric")],
    "seed": [("-1", "out of range"), ("3000000000", "out of range")],
    "all-images": [('"yes"', "expected type: numeric")],
    "memory-mb": [("-1", "out of range"), ("100000000", "out of range")],
    "output": [('"elsewhere"', "new-layer, in-place"), ("0", "expected type: string")],
}

SET_UP = """
(define image (open-image "rgb.png"))
(define source (top-layer image))
(define guide-layer (top-layer (open-image "rgba.png")))
(define base-path (path "profile/plug-ins/somnium/networks/somnium-vgg12.onnx"))
(define (keep layer name)
  (gimp-item-set-name layer name)
  layer)
(keep (made (dream image (vector source))) "default")
"""

TEAR_DOWN = """
(check "a bad value changes nothing" (= count (count-layers image)))
(check-error "no layer" "no layer" (dream image (vector)))
(check-error "an image that does not exist" "image" (dream 12345 (vector source)))
(check-error "an argument that does not exist" "no-such-argument"
             (dream image (vector source) #:no-such-argument 1))
(check-error "interactive without a screen" "RUN-NONINTERACTIVE"
             (plug-in-somnium-deepdream #:run-mode RUN-INTERACTIVE #:image image
                                        #:drawables (vector source)))
(define (again) (made (plug-in-somnium-deepdream #:run-mode RUN-WITH-LAST-VALS #:image image
                                                 #:drawables (vector source))))
(check "a run with the last values" (keep (again) "last values"))
(save image "arguments.xcf")
"""

# What GIMP itself would have written after a run from the dialog.
LAST_VALUES = """# settings
(iterations 2)
(octaves 1)
(step 8)
(seed 1)
(output "new-layer")
# end of settings
"""

def declared_arguments(profile):
    """Names of the procedure's arguments, as GIMP noted them down."""
    text = (profile / "pluginrc").read_text(encoding="utf-8", errors="replace")
    definition = text[text.index(f'(proc-def "{PROCEDURE}"') + 1 :]
    definition = re.split(r"\(proc-def|\(plug-in-def", definition)[0]
    names = re.findall(r'\(proc-arg \d+ "[^"]*" "[^"]*" "([^"]*)"', definition)
    return [name for name in names if name not in ("layers", "images", "text")] + ["layers"]


def case_name(argument, value):
    return f"{argument} {value}"


def script(layers):
    """All runs, one after the other."""
    lines = [f"(define one-layer {quote(layers[0])})", f"(define two-layers {quote(','.join(layers))})", SET_UP]
    for argument, values in GOOD.items():
        for value, _ in values:
            name = quote(case_name(argument, value))
            lines.append(f"(check {name} (keep (made (dream image (vector source) #:{argument} {value})) {name}))")
    lines.append("(define count (count-layers image))")
    for argument, values in BAD.items():
        for value, part in values:
            name = quote(f"bad: {case_name(argument, value)}")
            lines.append(f"(check-error {name} {quote(part)} (dream image (vector source) #:{argument} {value}))")
    return "\n".join(lines) + TEAR_DOWN


def check_pictures(tap, image):
    """Whether each good value changed what it should."""
    default = image.layer("default").pixels
    for argument, values in GOOD.items():
        for value, differs in values:
            name = case_name(argument, value)
            try:
                same = numpy.array_equal(image.layer(name).pixels, default)
            except StopIteration:
                continue  # reported as a failed run
            problem = "makes no difference" if differs else "makes a difference"
            tap.case(f"{name}: {'another' if differs else 'the same'} picture", [problem] if same == differs else [])
    seeded = numpy.array_equal(image.layer("last values").pixels, image.layer("seed 1").pixels)
    tap.case("the last values are used", [] if seeded else ["another picture"])


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(folder)
        Path(folder, "empty.onnx").touch()
        profile = make_profile(folder)
        (profile / "plug-in-settings").mkdir()
        (profile / f"plug-in-settings/GimpProcedureConfigRun-{PROCEDURE}.last").write_text(LAST_VALUES, encoding="utf-8")
        report_checks(tap, run_console(profile, folder, script(["relu3_2", "relu2_1"])))
        known = set(GOOD) | HOST_ARGUMENTS
        missing = [name for name in declared_arguments(profile) if name not in known]
        tap.case("every argument is tried", missing)
        if Path(folder, "arguments.xcf").exists():
            check_pictures(tap, xcf.read(f"{folder}/arguments.xcf"))
    tap.done()


if __name__ == "__main__":
    main()
