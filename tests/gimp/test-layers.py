#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which layers a run takes and where its results go: the rules of plugin/targets.h."""

import tempfile
from pathlib import Path

import numpy
import xcf
from harness import Tap, make_pictures, make_profile, report_checks, run_console

SCRIPT = """
; several layers, one in a group; the results lie right above their sources
(define image (open-image "rgba.png"))
(define first (top-layer image))
(gimp-item-set-name first "first")
(define group (car (gimp-group-layer-new image "group")))
(gimp-image-insert-layer image group 0 0)
(define second (car (gimp-layer-copy first)))
(gimp-image-insert-layer image second group 0)
(gimp-item-set-name second "second")
(gimp-layer-set-offsets second 7 9)
(define result (dream image (vector first second)))
(define layers (car result))
(check "several layers: one result each" (= 2 (vector-length layers)))
(check "no images are returned" (= 0 (vector-length (cadr result))))
(check "no text is returned" (string=? "" (caddr result)))
(define first-dream (vector-ref layers 0))
(define second-dream (vector-ref layers 1))
(check "a result lies above its source"
       (= (+ 1 (car (gimp-image-get-item-position image first-dream)))
          (car (gimp-image-get-item-position image first))))
(check "a result in a group lies above its source"
       (= (+ 1 (car (gimp-image-get-item-position image second-dream)))
          (car (gimp-image-get-item-position image second))))
(check "a result lies in its source's group"
       (= group (car (gimp-item-get-parent second-dream))))
(check "a result has its source's offsets"
       (equal? '(7 9) (gimp-drawable-get-offsets second-dream)))
(check "the results are selected"
       (let ((chosen (vector->list (car (gimp-image-get-selected-layers image)))))
         (and (= 2 (length chosen)) (memv first-dream chosen) (memv second-dream chosen))))
(check "a result can be worked on"
       (begin (gimp-drawable-invert first-dream FALSE)
              (gimp-item-set-name first-dream "inverted")
              (made (dream image (vector first-dream)))))
(check "a result is named after the effect"
       (contains? (car (gimp-item-get-name second-dream)) "DeepDream"))

; groups
(check "a group: its look goes to a new layer"
       (let ((layer (made (dream image (vector group)))))
         (and (= 1 (car (gimp-item-id-is-layer layer)))
              (= 0 (car (gimp-item-id-is-group-layer layer))))))
(check-error "a group in place" "layer group" (dream image (vector group) #:output "in-place"))
(check-error "a group among others in place" "layer group"
             (dream image (vector first group) #:output "in-place"))

; masks and channels
(define mask (car (gimp-layer-create-mask first ADD-MASK-WHITE)))
(gimp-layer-add-mask first mask)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 10 10 30 30)
(gimp-drawable-edit-clear mask)
(gimp-selection-none image)
(define masked (made (dream image (vector first))))
(gimp-item-set-name masked "masked")
(check "a layer with a mask: the result has one" (> (car (gimp-layer-get-mask masked)) 0))
(check-error "a mask" "channel or mask" (dream image (vector mask)))
(define channel (car (gimp-channel-new image "a channel" 96 80 50 '(0 0 0))))
(gimp-image-insert-channel image channel 0 0)
(check-error "a channel" "channel or mask" (dream image (vector channel)))
(check-error "the selection" "channel or mask"
             (dream image (vector (car (gimp-image-get-selection image)))))

; locks
(gimp-item-set-lock-content first TRUE)
(check-error "a locked layer in place" "locked" (dream image (vector first) #:output "in-place"))
(check "a locked layer: a new layer" (made (dream image (vector first))))
(check "a new layer is not locked"
       (= 0 (car (gimp-item-get-lock-content (made (dream image (vector first)))))))
(gimp-item-set-lock-content first FALSE)

; selections
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 3 3)
(check-error "a selection that misses the layer" "is selected" (dream image (vector second)))
(define count (count-layers image))
(check-error "a selection that misses one of two layers" "is selected"
             (dream image (vector first second)))
(check "a run that fails changes nothing" (= count (count-layers image)))
(check "a selection of a few pixels" (made (dream image (vector first))))
(gimp-selection-none image)

; an effect that GIMP keeps editable
(define filter (car (gimp-drawable-filter-new first "gegl:invert-gamma" "")))
(gimp-drawable-append-filter first filter)
(check "a layer with an effect" (made (dream image (vector first))))
(gimp-drawable-filter-delete filter)

; a floating selection
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 10 10 40 40)
(gimp-edit-copy (vector first))
(define floating (vector-ref (car (gimp-edit-paste first FALSE)) 0))
(check-error "a floating selection" "floating selection" (dream image (vector floating)))
(gimp-floating-sel-anchor floating)

; layers of other images, small ones
(define other (open-image "rgb.png"))
(check-error "a layer of another image" "another image" (dream image (vector (top-layer other))))
(gimp-image-scale other 5 3)
(check-error "a picture of 5 x 3 px" "too small" (dream other (vector (top-layer other))))
(gimp-image-scale other 1 1)
(check-error "a picture of one pixel" "too small" (dream other (vector (top-layer other))))
(gimp-image-scale other 17 33)
(check "a picture of 17 x 33 px" (made (dream other (vector (top-layer other)))))

; indexed images
(gimp-image-convert-indexed other CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 4 0 0 "")
(check-error "an indexed image" "Image > Mode > RGB" (dream other (vector (top-layer other))))

; text
(define text (car (gimp-text-layer-new image "Text" (car (gimp-context-get-font)) 40 UNIT-PIXEL)))
(gimp-image-insert-layer image text 0 0)
(define text-dream (made (dream image (vector text))))
(check "a text layer: a new layer that is none"
       (= 0 (car (gimp-item-id-is-text-layer text-dream))))
(check-error "a text layer in place" "text layer" (dream image (vector text) #:output "in-place"))
(save image "layers.xcf")
"""


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(folder)
        profile = make_profile(folder)
        report_checks(tap, run_console(profile, folder, SCRIPT, fonts=True))
        if Path(folder, "layers.xcf").exists():
            image = xcf.read(f"{folder}/layers.xcf")
            first, masked = image.layer("first"), image.layer("masked")
            same = masked.mask and numpy.array_equal(masked.mask.pixels, first.mask.pixels)
            tap.case("the result's mask is a copy of the source's", [] if same else ["is not"])
            tap.case("a result is in normal mode", [] if masked.mode == 28 else [masked.mode])
    tap.done()


if __name__ == "__main__":
    main()
