#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Style transfer, texture synthesis, feature inversion and fast style through GIMP: 16-bit pictures
with alpha, styles from files and layers, a folder of pictures painted one after the other, a texture
of a given size from what is selected, without any image, over the layer; networks that make pictures
and networks that do not."""

import tempfile

from harness import Tap, make_pictures, make_profile, report_checks, run_console

SCRIPT = """
(define (images-of result) (cadr result))
(define (width-of image) (car (gimp-image-get-width image)))
(define (height-of image) (car (gimp-image-get-height image)))
(define-macro (texture image layers . more)
  `(plug-in-somnium-texture-synthesis #:run-mode RUN-NONINTERACTIVE #:image ,image
                                      #:drawables ,layers #:iterations 2 #:scales 1
                                      #:layers "relu1_1,relu2_1" ,@more))
(define-macro (invert image layers . more)
  `(plug-in-somnium-feature-inversion #:run-mode RUN-NONINTERACTIVE #:image ,image
                                      #:drawables ,layers #:iterations 3 #:layers "relu1_1" ,@more))

(define image (open-image "rgba.png"))
(gimp-image-convert-precision image PRECISION-U16-NON-LINEAR)
(define source (top-layer image))
(define layers (vector source))

(define-macro (paint-like image layers . more)
  `(plug-in-somnium-style-transfer #:run-mode RUN-NONINTERACTIVE #:image ,image
                                   #:drawables ,layers #:iterations 2 #:working-size 64
                                   #:style-layers "relu1_1,relu2_1" #:content-layers "relu2_2"
                                   ,@more))
(check-error "no style" "style" (paint-like image layers))
(define styled (made (paint-like image layers #:style-1-file (path "rgb.png"))))
(check "a style from a file, on 16 bits with alpha"
       (and (= (car (gimp-drawable-get-width styled)) 96)
            (= (car (gimp-drawable-has-alpha styled)) 1)
            (= (car (gimp-image-get-precision image)) PRECISION-U16-NON-LINEAR)))
(gimp-image-remove-layer image styled)
(define other (open-image "rgb.png"))
(define styled (made (paint-like image layers #:style-1-layer (top-layer other)
                                              #:style-2-file (path "rgba.png") #:style-2-weight 0.5)))
(check "two styles, one a layer of another image" (= (count-layers image) 2))
(gimp-image-remove-layer image styled)
(paint-like image layers #:style-1-file (path "rgb.png") #:output "in-place" #:colors "luminance")
(check "a style in place" (= (count-layers image) 1))
(for-each
  (lambda (name)
    (let* ((picture (open-image name))
           (layer (made (paint-like picture (vector (top-layer picture))
                                    #:style-1-file (path "rgb.png")))))
      (gimp-file-save RUN-NONINTERACTIVE picture (path (string-append name ".styled.png")) -1)
      (gimp-image-delete picture)))
  '("rgb.png" "rgba.png"))
(check "a folder of pictures"
       (and (file-exists? (path "rgb.png.styled.png")) (file-exists? (path "rgba.png.styled.png"))))

(define result (texture image layers #:width 60 #:height 44 #:tileable TRUE))
(define made-image (vector-ref (images-of result) 0))
(check "a texture is an image of the size asked for"
       (and (= (width-of made-image) 60) (= (height-of made-image) 44)))
(check "the layer stays alone" (= (count-layers image) 1))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 30 10 40 50)
(define result (texture image layers #:width 0 #:height 0))
(define made-image (vector-ref (images-of result) 0))
(check "from what is selected, of its size"
       (and (= (width-of made-image) 40) (= (height-of made-image) 50)))
(gimp-selection-none image)
(define result (texture image layers #:place "layer"))
(check "over the layer" (= (count-layers image) 2))
(define result (texture -1 (vector) #:exemplar-2-file (path "rgb.png") #:width 33 #:height 35))
(define made-image (vector-ref (images-of result) 0))
(check "without an image"
       (and (= (width-of made-image) 33) (= (height-of made-image) 35)))

(invert image layers #:output "in-place")
(check "an inversion in place, of 16 bits with alpha" (= (count-layers image) 2))
(check "is still of 16 bits"
       (= (car (gimp-image-get-precision image)) PRECISION-U16-NON-LINEAR))
(define made-layer (made (invert image layers #:parametrization "pixels")))
(check "an inversion as a layer"
       (and (= (car (gimp-drawable-get-width made-layer)) 96)
            (= (car (gimp-drawable-has-alpha made-layer)) 1)))
"""

FAST_STYLE = """
(check-error "a network that makes none" "does not make a picture of a picture"
             (plug-in-somnium-fast-style #:run-mode RUN-NONINTERACTIVE #:image image
                                         #:drawables layers #:network "somnium-vgg12"))
(define image (open-image "rgba.png"))
(gimp-image-convert-precision image PRECISION-U16-NON-LINEAR)
(define layers (vector (top-layer image)))
(define-macro (paint . more)
  `(plug-in-somnium-fast-style #:run-mode RUN-NONINTERACTIVE #:image image #:drawables layers
                               ,@more))
(define (name-of result) (car (gimp-item-get-name (made result))))
(check "the first network that makes pictures"
       (contains? (name-of (paint)) "Agate"))
(check "another one" (contains? (name-of (paint #:network "style-glass")) "Glass"))
(check "two of them mixed"
       (contains? (name-of (paint #:second-network "style-mosaic" #:keep-colors TRUE))
                  "Agate + Mosaic"))
(paint #:output "in-place" #:working-size 48 #:strength 0.5)
(check "in place" (= (count-layers image) 4))
"""


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        make_pictures(folder)
        profile = make_profile(folder)
        report_checks(tap, run_console(profile, folder, SCRIPT + FAST_STYLE))
    tap.done()


if __name__ == "__main__":
    main()
