#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects that look inside, through GIMP: sheets of filters with no image open, activations of a
layer with 16 bits and alpha as a sheet and as a layer, top patches of a folder and of the open images;
captions on a layer of their own."""

import tempfile
from pathlib import Path

import numpy
import xcf
from harness import Tap, make_pictures, make_profile, report_checks, run_console
from PIL import Image

SCRIPT = """
(define (images-of result) (cadr result))
(define (text-of result) (caddr result))
(define (sheet-of result) (vector-ref (images-of result) 0))
(define (keep result name)
  (check (string-append name ": an image, and no layer")
         (and (= 1 (vector-length (images-of result))) (= 0 (vector-length (car result)))))
  (check (string-append name ": captions above the picture") (= 2 (count-layers (sheet-of result))))
  (save (sheet-of result) (string-append name ".xcf"))
  (gimp-image-delete (sheet-of result)))
(define-macro (without-image name . more)
  `(,(string->symbol (string-append "plug-in-somnium-" name))
    #:run-mode RUN-NONINTERACTIVE #:image -1 #:drawables (vector) ,@more))
(define-macro (look name . more)
  `(,(string->symbol (string-append "plug-in-somnium-" name))
    #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector source) ,@more))

(keep (without-image "filters") "filters")
(define result (without-image "filters" #:layer "relu2_1" #:inputs "each" #:count 2 #:scale "alike"
                                        #:captions FALSE))
(check "without captions: one layer" (= 1 (count-layers (sheet-of result))))
(gimp-image-delete (sheet-of result))
(check-error "no such layer" "has no layer" (without-image "filters" #:layer "nonsense"))

(keep (without-image "top-patches" #:folder (path "folder") #:layer "relu2_1" #:channels "3,0-1"
                     #:patches 2)
      "patches")
(check "what cannot be read is named"
       (contains? (text-of (without-image "top-patches" #:folder (path "folder") #:count 1))
                  "left out: a.png."))
(check-error "no list of channels" "no list of numbers"
             (without-image "top-patches" #:folder (path "folder") #:channels "3;4"))

(define image (open-image "rgba.png"))
(gimp-image-convert-precision image PRECISION-U16-NON-LINEAR)
(define source (top-layer image))
(define open (look "top-patches" #:layer "relu2_1" #:count 1))
(check "patches of the open images" (= 1 (vector-length (images-of open))))
(define result (look "activations" #:layer "relu3_1" #:count 10))
(check "a sheet has the picture's precision"
       (= (car (gimp-image-get-precision (sheet-of result))) PRECISION-U16-NON-LINEAR))
(keep result "activations")
(check "nothing became of the image" (= 1 (count-layers image)))
(define overlay (made (look "activations" #:layer "relu3_1" #:show "channel" #:transparent TRUE)))
(check "one map as a layer over it"
       (and (= 2 (count-layers image))
            (= (car (gimp-drawable-get-width overlay)) (car (gimp-drawable-get-width source)))))
(check "which names the channel" (contains? (car (gimp-item-get-name overlay)) "relu3_1:"))
(look "activations" #:show "channel" #:channel 3 #:output "selection" #:threshold 10)
(check "or as a selection" (= (car (gimp-selection-is-empty image)) 0))
(check-error "no such channel" "there is no number"
             (look "activations" #:layer "relu1_1" #:show "channel" #:channel 32))
"""


def check_sheet(name, image, columns, rows):
    """Text lies on the paper and not on the pictures, whose rows and columns are counted. Cells are
    found by the paper between them."""
    captions, picture = image.layer("Captions").pixels[..., 3], image.layers[1].pixels[..., :3]
    paper = picture[-1, -1]
    differs = (picture != paper).any(axis=-1)
    problems = [] if captions.any() else ["there is no text"]
    if (differs & (captions > 0)).any():
        problems.append("text lies on a picture")
    found = [int(numpy.diff(differs.any(axis=axis).astype(int), prepend=0).clip(0).sum()) for axis in (0, 1)]
    if found != [columns, rows]:
        problems.append(f"{found[0]} columns and {found[1]} rows, not {columns} and {rows}")
    return f"{name}: the sheet", problems


def make_folder(folder):
    """Two pictures and a file that is none."""
    made = Path(folder, "folder")
    made.mkdir()
    Path(made, "a.png").write_text("hello", encoding="ascii")
    random = numpy.random.default_rng(5)
    for name in ("b.png", "c.png"):
        noise = random.integers(40, 256, (64, 80, 3), dtype=numpy.uint8)
        Image.fromarray(noise, "RGB").save(made / name)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        make_pictures(folder)
        make_folder(folder)
        profile = make_profile(folder)
        report_checks(tap, run_console(profile, folder, SCRIPT))
        for name, columns, rows in (("filters", 6, 6), ("patches", 2, 3), ("activations", 3, 4)):
            try:
                tap.case(*check_sheet(name, xcf.read(f"{folder}/{name}.xcf"), columns, rows))
            except (OSError, StopIteration) as error:
                tap.case(f"{name}: the sheet", [repr(error)])
    tap.done()


if __name__ == "__main__":
    main()
