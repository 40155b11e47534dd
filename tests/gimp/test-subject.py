#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Select Subject through GIMP, on a layer of 16 bits with alpha and offsets: a rough selection becomes one
that follows the subject, a mask, a layer of its own; without a selection the network says where."""

import tempfile
from pathlib import Path

import numpy
from harness import Tap, make_profile, report_checks, run_console
from PIL import Image

# the layer lies at (10, 5); in it, a disc of radius 30 around (70, 60), and nothing in the last 20 columns
SCRIPT = """
(define image (open-image "disc.png"))
(gimp-image-convert-precision image PRECISION-U16-NON-LINEAR)
(define source (top-layer image))
(gimp-layer-set-offsets source 10 5)
(define layers (vector source))
(define (text-of result) (caddr result))
(define-macro (run . more)
  `(plug-in-somnium-select-subject #:run-mode RUN-NONINTERACTIVE #:image image #:drawables layers
                                   #:working-size 96 ,@more))
(define (selected x y) (car (gimp-selection-value image (+ x 10) (+ y 5))))
(define (near? number goal) (<= (abs (- number goal)) 4)) ; the edge is soft
(define (rough) (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 35 20 90 92))
(define (bounds) (cdr (gimp-selection-bounds image)))

(rough)
(check "a rough selection says where the subject is" (contains? (text-of (run)) "selection"))
(check "the selection now follows it"
       (let ((box (bounds)))
         (and (near? (car box) 50) (near? (cadr box) 35) (near? (caddr box) 110)
              (near? (cadddr box) 95))))
(check "all of it" (and (= (selected 70 60) 255) (= (selected 70 33) 255) (= (selected 97 60) 255)))
(check "and nothing else" (and (= (selected 45 35) 0) (= (selected 95 85) 0) (= (selected 135 60) 0)))
(check "no layer was made for it" (= (count-layers image) 1))

(rough)
(run #:output "mask")
(define mask (car (gimp-layer-get-mask source)))
(check "a mask of the layer" (> mask 0))
(check "the selection stays as it is" (= (selected 45 35) 255))
(gimp-layer-remove-mask source MASK-DISCARD)

(define cut (made (run #:output "layer")))
(check "a layer of the subject alone"
       (and (= (count-layers image) 2) (= (car (gimp-drawable-get-width cut)) 140)
            (= (car (gimp-drawable-has-alpha cut)) TRUE)))
(gimp-image-select-item image CHANNEL-OP-REPLACE cut)
(check "transparent elsewhere"
       (and (= (selected 70 60) 255) (= (selected 45 35) 0) (= (selected 20 20) 0)))
(gimp-image-remove-layer image cut)

(gimp-image-select-ellipse image CHANNEL-OP-REPLACE 70 55 20 20)
(run #:selection-means "inside")
(check "what is selected is subject, and more that looks like it" (= (selected 70 33) 255))
(check "up to where it ends" (= (selected 70 25) 0))

(gimp-selection-none image)
(check "without a selection the network names what it sees" (contains? (text-of (run)) "%"))
(check "and it is selected" (= (car (gimp-selection-is-empty image)) FALSE))
(gimp-selection-none image)
(check-error "no such class" "class" (run #:class "no such thing"))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 5 4)
(check-error "a selection that misses the layer" "selected" (run))
(check "still of 16 bits" (= (car (gimp-image-get-precision image)) PRECISION-U16-NON-LINEAR))
"""


def make_picture(path):
    """140 x 120 px: a disc of reddish noise on greenish noise, transparent at the right."""
    y, x = numpy.mgrid[0:120, 0:140] + 0.5
    noise = 60 * numpy.random.default_rng(3).random((120, 140, 3))
    disc = (numpy.hypot(x - 70, y - 60) < 30)[..., None]
    rgb = numpy.where(disc, [140, 60, 60], [70, 110, 80]) + noise
    alpha = numpy.where(x < 120, 255, 0)
    Image.fromarray(numpy.dstack([rgb, alpha]).astype(numpy.uint8), "RGBA").save(path)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        make_picture(Path(folder) / "disc.png")
        report_checks(tap, run_console(make_profile(folder), folder, SCRIPT))
    tap.done()


if __name__ == "__main__":
    main()
