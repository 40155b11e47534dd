#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does to pixels, in every kind and precision of image: what is selected changes, by as
much as it is selected; what is not stays as it was, to the bit; alpha always stays."""

import tempfile
from pathlib import Path

import numpy
import xcf
from harness import Tap, make_pictures, make_profile, report_checks, run_console
from icc import write_profiles

PRECISIONS = {
    "8-bit": "PRECISION-U8-NON-LINEAR",
    "8-bit-linear": "PRECISION-U8-LINEAR",
    "16-bit": "PRECISION-U16-NON-LINEAR",
    "16-bit-linear": "PRECISION-U16-LINEAR",
    "32-bit": "PRECISION-U32-LINEAR",
    "half": "PRECISION-HALF-NON-LINEAR",
    "float": "PRECISION-FLOAT-LINEAR",
    "double": "PRECISION-DOUBLE-NON-LINEAR",
}
KINDS = ("rgb", "rgba", "grey", "grey-alpha")
# All kinds in the everyday precision, one in the others.
CASES = [("8-bit", kind) for kind in KINDS] + [(name, "rgba") for name in PRECISIONS if name != "8-bit"]
CASES += [("16-bit", "grey-alpha"), ("float", "grey")]

# The selection is well inside the layer, less than the context from all its edges: so runs with and
# without it see the same pixels and dream the same. The layer has offsets, the selection does not.
SCRIPT = """
(define (pixels-case kind precision name)
  (let ((image (open-image (string-append kind ".png"))))
    (if (not (= (car (gimp-image-get-precision image)) precision))
        (gimp-image-convert-precision image precision))
    (gimp-image-resize image 120 100 10 15)
    (let ((source (top-layer image)))
      (gimp-item-set-name source "source")
      (gimp-item-set-name (made (dream image (vector source))) "whole")
      (gimp-image-select-ellipse image CHANNEL-OP-REPLACE 40 38 50 44)
      (gimp-selection-feather image 12)
      (gimp-item-set-name (made (dream image (vector source))) "selected")
      (let ((copy (car (gimp-layer-copy source))))
        (gimp-image-insert-layer image copy 0 0)
        (gimp-item-set-name copy "in place")
        (check (string-append name ": in place returns the layer itself")
               (= copy (made (dream image (vector copy) #:output "in-place"))))
        (check (string-append name ": in place makes no layer") (= 4 (count-layers image))))
      (save image (string-append name ".xcf"))
      (gimp-image-delete image))))
"""


# The same picture in another colour space must dream the same, seen in sRGB again.
PROFILE_SCRIPT = """
(define (profile-case name)
  (let ((image (open-image "rgb.png")))
    (gimp-item-set-name (top-layer image) "source")
    (gimp-image-convert-precision image PRECISION-FLOAT-NON-LINEAR)
    (if (string=? name "wide")
        (gimp-image-convert-color-profile-from-file image (path "wide.icc") 1 FALSE))
    (gimp-item-set-name (made (dream image (vector (top-layer image)))) "dream")
    (save image (string-append "as-" name ".xcf"))
    (if (string=? name "wide")
        (gimp-image-convert-color-profile-from-file image (path "srgb.icc") 1 FALSE))
    (save image (string-append "from-" name ".xcf"))
    (gimp-image-delete image)))
(profile-case "srgb")
(profile-case "wide")
(check "profiles are tried" #t)
"""


def check_profiles(tap, folder):
    srgb, wide = (xcf.read(f"{folder}/from-{name}.xcf") for name in ("srgb", "wide"))
    other = xcf.read(f"{folder}/as-wide.xcf").layer("source").pixels
    source = srgb.layer("source").pixels
    tap.case("the profile changes the numbers", [] if numpy.abs(other - source).max() > 0.02 else ["no"])
    lost = numpy.abs(wide.layer("source").pixels - source).max()
    dream = srgb.layer("dream").pixels
    error = numpy.abs(wide.layer("dream").pixels - dream).mean()
    change = numpy.abs(dream - source).mean()
    # the dream amplifies what the conversion there and back loses; with the profile ignored, the
    # difference is as large as the change itself
    tap.case("the same colours in another profile dream the same",
             [] if error < 0.15 * change else [f"off by {error} of {change}; the picture by {lost}"])


def to_linear(layer, precision):
    """Colours as numbers in linear light, 0 to 1."""
    values = layer.pixels.astype(float)
    if layer.pixels.dtype.kind == "u":
        values /= numpy.iinfo(layer.pixels.dtype).max
    if layer.has_alpha:
        values = values[..., :-1]
    if precision % 100 >= 50:  # sRGB's curve
        values = numpy.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return values


def alpha_of(layer):
    """Alpha as numbers, 0 to 1."""
    alpha = layer.pixels[..., -1]
    return alpha.astype(float) / (numpy.iinfo(alpha.dtype).max if alpha.dtype.kind == "u" else 1)


def unequal(a, b, where):
    """A sentence if two arrays of pixels differ in any byte where they should not."""
    different = (a[where].view(numpy.uint8) != b[where].view(numpy.uint8)).sum()
    return [f"{different} bytes differ"] if different else []


def crop_selection(image, layer):
    """The selection over a layer, 0 to 1."""
    x, y = layer.offsets
    height, width = layer.pixels.shape[:2]
    mask = image.selection.pixels[y : y + height, x : x + width, 0]
    # masks hold numbers in linear light in every precision
    return mask.astype(float) / (numpy.iinfo(mask.dtype).max if mask.dtype.kind == "u" else 1)


def check_image(tap, name, image):
    source, whole = image.layer("source"), image.layer("whole")
    selected, in_place = image.layer("selected"), image.layer("in place")
    mask = crop_selection(image, source)
    visible = source.pixels[..., -1] > 0 if source.has_alpha else numpy.ones(mask.shape, bool)
    before, dream = to_linear(source, image.precision), to_linear(whole, image.precision)

    tap.case(f"{name}: offsets and size", [
        f"{layer.name}: {layer.offsets}, {layer.pixels.shape}"
        for layer in (whole, selected)
        if layer.offsets != (10, 15) or layer.pixels.shape != source.pixels.shape
    ])
    change = numpy.abs(dream - before)[visible].mean()
    tap.case(f"{name}: the dream changes the picture", [] if change > 0.005 else [f"by {change}"])
    if source.has_alpha:
        tap.case(f"{name}: alpha stays", [
            problem
            for layer in (whole, selected)
            for problem in unequal(layer.pixels[..., -1:], source.pixels[..., -1:], mask >= 0)
        ])
        # GIMP merges in 32-bit float, whose 24 bits are fewer than those of 32-bit integers
        error = numpy.abs(alpha_of(in_place) - alpha_of(source)).max()
        tap.case(f"{name}: alpha stays in place", [f"off by {error}"] if error > 2e-7 else [])
        tap.case(f"{name}: what is transparent stays",
                 unequal(whole.pixels, source.pixels, ~visible))
    nothing = mask == 0
    tap.case(f"{name}: what is not selected stays to the bit",
             unequal(selected.pixels, source.pixels, nothing) if nothing.any() else ["mask?"])
    tap.case(f"{name}: what is not selected stays to the bit in place",
             unequal(in_place.pixels, source.pixels, nothing))
    soft = (mask > 0.2) & (mask < 0.8) & visible
    expected = before + mask[..., None] * (dream - before)
    # a step of the precision, here and in the dream it is compared with; darker ones are coarser
    tolerance = 0.02 if image.precision < 200 else 0.002
    for layer in (selected, in_place):
        error = numpy.abs(to_linear(layer, image.precision) - expected)[visible].max()
        tap.case(f"{name}: {layer.name}: blended by the soft selection",
                 [] if soft.any() and error <= tolerance else [f"off by {error}", f"{soft.sum()} px"])


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(folder)
        profile = make_profile(folder)
        calls = [
            f'(pixels-case "{kind}" {PRECISIONS[precision]} "{precision}-{kind}")'
            for precision, kind in CASES
        ]
        write_profiles(folder)
        script = SCRIPT + "\n".join(calls) + PROFILE_SCRIPT
        report_checks(tap, run_console(profile, folder, script))
        for precision, kind in CASES:
            name = f"{precision}-{kind}"
            try:
                check_image(tap, name, xcf.read(f"{folder}/{name}.xcf"))
            except (OSError, StopIteration, KeyError) as error:
                tap.case(f"{name}: the image", [repr(error)])
        try:
            check_profiles(tap, folder)
        except (OSError, StopIteration, KeyError) as error:
            tap.case("profiles", [repr(error)])
    tap.done()


if __name__ == "__main__":
    main()
