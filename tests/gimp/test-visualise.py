#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What channels, neurons and classes want to see, through GIMP: with no image open and with one, a
picture or a sheet as a new image, captions as a layer of their own, lists that are none refused."""

import tempfile

from harness import Tap, make_pictures, make_profile, report_checks, run_console

SCRIPT = """
(define-macro (visualise image layers . more)
  `(plug-in-somnium-visualise #:run-mode RUN-NONINTERACTIVE #:image ,image #:drawables ,layers
                              #:layer "relu2_1" #:size 32 #:iterations 2 ,@more))
(define (new-image result) (vector-ref (cadr result) 0))
(define (width-of image) (car (gimp-image-get-width image)))
(define (height-of image) (car (gimp-image-get-height image)))

(define made (new-image (visualise -1 (vector) #:channels "3")))
(check "a channel, without an image" (and (= (width-of made) 32) (= (height-of made) 32)))
(check "in one layer" (= (count-layers made) 1))
(define made (new-image (visualise -1 (vector) #:channels "0-3, 9" #:columns 5 #:captions FALSE)))
(check "a sheet in a row" (> (width-of made) (* 4 (height-of made))))
(define made (new-image (visualise -1 (vector))))
(check "sixteen, where nothing is said, about square"
       (and (> (width-of made) 128) (< (width-of made) 200) (< (height-of made) 240)))

(define image (open-image "rgba.png"))
(define layers (vector (top-layer image)))
(define made (new-image (visualise image layers #:target "neuron" #:channels "5" #:variants 2
                                   #:parametrization "pixels" #:optimizer "normalized"
                                   #:clear-small 20 #:clear-idle 10 #:decay 1 #:seed 4)))
(check "a neuron twice, beside an image" (> (width-of made) 64))
(check "which stays as it was" (= (count-layers image) 1))
(define made (new-image (visualise image layers #:target "class" #:classes "goldfish; bullfrog")))
(check "two classes" (> (width-of made) 64))
(check-error "a channel that there is not" "from 0 to 63" (visualise -1 (vector) #:channels "64"))
(check-error "no list" "no list" (visualise -1 (vector) #:channels "all of them"))
(check-error "no class" "no such thing"
             (visualise -1 (vector) #:target "class" #:classes "goldfish; no such thing"))
(check-error "no way to climb" "adam, normalized" (visualise -1 (vector) #:optimizer "luck"))
"""


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        make_pictures(folder)
        profile = make_profile(folder)
        report_checks(tap, run_console(profile, folder, SCRIPT))
    tap.done()


if __name__ == "__main__":
    main()
