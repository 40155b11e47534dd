#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nearest images and image maps, through GIMP: a folder of pictures with a broken one among them, with an
image open and with none, a second run that looks at no picture, open images in place of a folder."""

import os
import tempfile
from pathlib import Path

import numpy
from harness import Tap, make_pictures, make_profile, report_checks, run_console
from PIL import Image

COUNT = 6

SCRIPT = """
(define (images-of result) (cadr result))
(define (text-of result) (caddr result))
(define (says? result part) (or (contains? (text-of result) part) (begin (say (text-of result)) #f)))
(define-macro (nearest image layers . more)
  `(plug-in-somnium-nearest-images #:run-mode RUN-NONINTERACTIVE #:image ,image #:drawables ,layers
                                   ,@more))
(define-macro (image-map . more)
  `(plug-in-somnium-image-map #:run-mode RUN-NONINTERACTIVE #:image -1 #:drawables (vector) ,@more))
(define (width-of image) (car (gimp-image-get-width image)))

; with no image open
(define result (image-map #:folder (path "pictures") #:width 400 #:height 300 #:coordinates TRUE))
(define map-image (vector-ref (images-of result) 0))
(check "a map of the size asked for"
       (and (= (width-of map-image) 400) (= (car (gimp-image-get-height map-image)) 300)))
(check "every picture was looked at" (says? result "Pictures: 6. Looked at in this run: 6."))
(check "coordinates and names" (says? result "\\tpicture-3.png"))
(check "the broken one is named" (says? result "left out: broken.png."))
(define result (image-map #:folder (path "pictures") #:width 400 #:height 300 #:layout "grid"))
(check "a second map looks at none" (says? result "Pictures: 6. Looked at in this run: 0."))
(check "and names the broken one as well" (says? result "left out: broken.png."))
(check-error "neither a picture nor a file" "no picture"
             (nearest -1 (vector) #:folder (path "pictures")))
(check-error "a folder without pictures" "no pictures" (image-map #:folder (path "empty")))
(check-error "pictures that would be too small" "would be"
             (image-map #:folder (path "pictures") #:picture-size 500 #:width 64 #:height 64))
(define result (nearest -1 (vector) #:folder (path "pictures")
                        #:picture-file (path "pictures/picture-0.png") #:count 2))
(check "a picture from a file, and two like it" (says? result "\\tpicture-3.png"))
(check "which has been known since the map" (says? result "Looked at in this run: 0."))
(check "and is not its own neighbour" (says? result "Left out as the picture itself: 1."))
(define result (nearest -1 (vector) #:folder (path "pictures") #:leave-out-same FALSE
                        #:picture-file (path "pictures/picture-0.png") #:count 2))
(check "unless it is asked for" (says? result "\\tpicture-0.png"))

; with one
(define image (open-image "rgba.png"))
(define layers (vector (top-layer image)))
(define result (nearest image layers #:folder (path "pictures") #:cell-size 48))
(check "a sheet" (= 1 (vector-length (images-of result))))
(check "of two rows, seven pictures wide" (= (width-of (vector-ref (images-of result) 0))
                                             (+ 2 (* 7 50))))
(check "the layer is as it was" (= 1 (count-layers image)))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 40 10 40 40)
(check "what is selected of a layer"
       (not (equal? (text-of result)
                    (text-of (nearest image layers #:folder (path "pictures") #:cell-size 48)))))
(gimp-selection-none image)
(for-each gimp-image-delete (vector->list (car (gimp-get-images))))
(define one (open-image "rgb.png"))
(define two (open-image "pictures/picture-1.png"))
(define result (nearest one (vector (top-layer one))))
(check "the images that are open" (says? result "Pictures: 2."))
(check "and this one is one of them" (says? result "Left out as the picture itself: 1."))
(check-error "no such layer" "no-such-layer" (image-map #:layer "no-such-layer"))
"""


def make_folder(folder):
    """Two of each kind: waves, noise, and a ramp; one that is broken, one that is no picture."""
    made = Path(folder, "pictures")
    made.mkdir()
    Path(folder, "empty").mkdir()
    random = numpy.random.default_rng(1)
    y, x = numpy.mgrid[0:96, 0:128]
    for i in range(COUNT):
        kinds = (numpy.sin((x + (2 + i) * y) / 6) * 100 + 128, 256 * random.random((96, 128)),
                 x + y + 5 * i)
        levels = numpy.dstack([kinds[i % 3], 0.7 * kinds[i % 3], 200 - 0.5 * kinds[i % 3]])
        Image.fromarray(levels.clip(0, 255).astype(numpy.uint8)).save(made / f"picture-{i}.png")
    Path(made, "broken.png").write_bytes(Path(made, "picture-0.png").read_bytes()[:60])
    Path(made, "note.txt").write_text("hello", encoding="ascii")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        make_pictures(folder)
        make_folder(folder)
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        report_checks(tap, run_console(make_profile(folder), folder, SCRIPT))
        kept = list(Path(folder, "cache/somnium/features").glob("*"))
        tap.case("features are kept in one file", [] if len(kept) == 1 else [str(kept)])
    tap.done()


if __name__ == "__main__":
    main()
