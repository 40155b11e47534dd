#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects that explain, through GIMP: what the network sees as text, saliency and occlusion maps as
layers, masks and selections, adversarial pictures with their difference, each in one undo step."""

import tempfile

import xcf
from harness import Tap, make_pictures, make_profile, report_checks, run_console

SCRIPT = """
(define image (open-image "rgba.png"))
(gimp-image-convert-precision image PRECISION-U16-NON-LINEAR)
(define source (top-layer image))
(define layers (vector source))
(define (text-of result) (caddr result))
(define-macro (run name . more)
  `(,(string->symbol (string-append "plug-in-somnium-" name))
    #:run-mode RUN-NONINTERACTIVE #:image image #:drawables layers ,@more))

(check "what it is, in words" (contains? (text-of (run "what-is-it")) "%"))
(check "nothing was made for it" (= (count-layers image) 1))

(define overlay (made (run "saliency" #:method "gradient")))
(check "a map over the layer, of its size"
       (and (= (count-layers image) 2)
            (= (car (gimp-drawable-get-width overlay)) (car (gimp-drawable-get-width source)))))
(gimp-image-remove-layer image overlay)
(for-each
  (lambda (method)
    (let ((overlay (made (run "saliency" #:method method #:samples 2 #:steps 4))))
      (check (string-append "a map by " method) (= (count-layers image) 2))
      (gimp-image-remove-layer image overlay)))
  '("smoothgrad" "integrated-gradients" "input-x-gradient" "guided-backprop" "deconvnet" "grad-cam"
    "guided-grad-cam"))
(define result (run "saliency" #:method "grad-cam" #:legend TRUE))
(check "a legend" (and (= (count-layers image) 3) (= 2 (vector-length (car result)))))
(check "which lies above the map"
       (contains? (car (gimp-item-get-name (top-layer image))) "Legend"))
(save image "legend.xcf")
(for-each (lambda (layer) (gimp-image-remove-layer image layer)) (vector->list (car result)))
(run "saliency" #:method "grad-cam" #:output "mask")
(check "a mask of the layer" (> (car (gimp-layer-get-mask source)) 0))
(gimp-layer-remove-mask source MASK-DISCARD)
(run "saliency" #:method "grad-cam" #:output "selection")
(check "a selection" (= (car (gimp-selection-is-empty image)) 0))
(gimp-selection-none image)
(check-error "no such class" "class" (run "saliency" #:class "no such thing"))
(check-error "no such output" "output" (run "saliency" #:output "nowhere"))

(define overlay (made (run "occlusion" #:patch 24 #:stride 24)))
(check "an occlusion map" (= (count-layers image) 2))
(gimp-image-remove-layer image overlay)

(define result (run "adversarial" #:iterations 3 #:least FALSE))
(check "an adversarial picture, and its difference" (= (count-layers image) 3))
(check "and what it is taken for, before and after" (> (string-length (text-of result)) 10))
(check "still of 16 bits" (= (car (gimp-image-get-precision image)) PRECISION-U16-NON-LINEAR))
"""


def check_legend(image):
    """Values above the bar at both of its ends, and nothing elsewhere."""
    legend = next(layer for layer in image.layers if layer.name.startswith("Legend")).pixels
    alpha = legend[..., 3] > 0
    rows = alpha[:, 60:].any() or alpha[:60].any()
    bar = legend[-4]  # its upper edge is a white frame
    ends = (bar[:, 3] > 0).nonzero()[0]
    text = alpha[-13:-4]
    problems = ["there is ink where none belongs"] if rows else []
    if not (text[:, ends[0] : ends[0] + 8].any() and text[:, ends[-1] - 8 : ends[-1] + 1].any()):
        problems.append("an end has no value")
    return problems


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        make_pictures(folder)
        profile = make_profile(folder)
        report_checks(tap, run_console(profile, folder, SCRIPT))
        tap.case("values at the ends of a legend", check_legend(xcf.read(f"{folder}/legend.xcf")))
    tap.done()


if __name__ == "__main__":
    main()
