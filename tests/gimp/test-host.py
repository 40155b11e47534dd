#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What effects may ask of the plug-in, tried with effects that ask for all of it (probe-effects.c):
selections and regions in; layers with an alpha of their own, masks, selections, images and texts
out; folders and open images; runs without an image, and over all that are open."""

import struct
import tempfile
import zlib
from pathlib import Path

import numpy
import xcf
from harness import Tap, make_pictures, make_probe_profile, report_checks, run_console
from icc import write_profiles
from PIL import Image, ImageCms

SCRIPT = """
(define-macro (probe id image layers . more)
  `(,(string->symbol (string-append "plug-in-somnium-" (symbol->string id)))
    #:run-mode RUN-NONINTERACTIVE #:image ,image #:drawables ,layers ,@more))
(define (layers-of result) (car result))
(define (images-of result) (cadr result))
(define (text-of result) (caddr result))
(define (says? result part) (or (contains? (text-of result) part) (begin (say (text-of result)) #f)))
(define (undo-steps image) (car (gimp-image-is-dirty image)))

(define image (open-image "rgb.png"))
(define source (top-layer image))
(gimp-item-set-name source "source")
(gimp-layer-set-offsets source 10 5)
(define layers (vector source))

; what goes in
(check "the whole layer without a selection"
       (says? (probe limits image layers) "content: 96 x 80 x 4"))
(check "no selection" (says? (probe limits image layers) "selection: none"))
; 24 columns from the layer's left, 75 rows
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 10 5 24 80)
(check "a selection and context around it"
       (says? (probe limits image layers #:make "text") "content: 88 x 80 x 4"))
(check "the selection lies over the content"
       (says? (probe limits image layers #:make "text") "selection: 88 x 80 x 1, mean 0.256"))
(check "a selection that informs: the whole layer"
       (says? (probe informs image layers #:make "text") "content: 96 x 80 x 4"))
(check "and the selection over it"
       (says? (probe informs image layers #:make "text") "selection: 96 x 80 x 1, mean 0.234"))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 3 3)
(check-error "a selection that misses the layer" "is selected"
             (probe informs image layers #:make "text"))
(gimp-selection-none image)

(check "no region" (says? (probe limits image layers #:make "text") "region: none"))
(define channel (car (gimp-channel-new image "channel" 96 80 50 '(0 0 0))))
(gimp-image-insert-channel image channel 0 0)
(gimp-drawable-fill channel FILL-WHITE)
(check "a channel: it ends before the layer does"
       ; 86 of the layer's 96 columns, 75 of its 80 rows
       (says? (probe limits image layers #:make "text" #:region channel)
              "region: 96 x 80 x 1, mean 0.840"))
(gimp-context-set-foreground '(128 128 128))
(gimp-drawable-fill channel FILL-FOREGROUND)
(check "a channel's numbers count as they do for GIMP"
       (let ((text (text-of (probe limits image layers #:make "text" #:region channel))))
         (gimp-image-select-item image CHANNEL-OP-REPLACE channel)
         (let ((selected (text-of (probe informs image layers #:make "text"))))
           (gimp-selection-none image)
           (say text selected)
           (and (contains? text "region: 96 x 80 x 1, mean 0.422")
                (contains? selected "selection: 96 x 80 x 1, mean 0.422")))))
(define half (car (gimp-layer-new image "half" 58 40 RGBA-IMAGE 100 LAYER-MODE-NORMAL)))
(gimp-image-insert-layer image half 0 1)
(gimp-layer-set-offsets half 0 0)
(gimp-context-set-foreground '(128 128 128))
(gimp-drawable-fill half FILL-FOREGROUND)
(check "a layer: perceptual luminance at its place"
       ; 48 of 96 columns, 35 of 80 rows, 128/255
       (says? (probe limits image layers #:make "text" #:region half)
              "region: 96 x 80 x 1, mean 0.110"))
(gimp-layer-set-opacity half 10)
(gimp-drawable-fill half FILL-TRANSPARENT)
(check "a transparent layer is nowhere"
       (says? (probe limits image layers #:make "text" #:region half) "mean 0.000"))
(define mask (car (gimp-layer-create-mask source ADD-MASK-WHITE)))
(gimp-layer-add-mask source mask)
(check "a layer mask as a region"
       (says? (probe limits image layers #:make "text" #:region mask) "96 x 80 x 1, mean 1.000"))
(gimp-layer-remove-mask source MASK-DISCARD)
(gimp-image-remove-channel image channel)
(gimp-image-remove-layer image half)

; what comes out
(define (fresh)
  (let ((image (open-image "rgba.png")))
    (gimp-item-set-name (top-layer image) "source")
    (gimp-image-clean-all image)
    image))

(define overlaid (fresh))
(gimp-image-select-rectangle overlaid CHANNEL-OP-REPLACE 0 0 96 40)
(define overlay (made (probe limits overlaid (vector (top-layer overlaid)) #:make "overlay")))
(check "an overlay has the effect's opacity"
       (< 24.9 (car (gimp-layer-get-opacity overlay)) 25.1))
(save overlaid "overlay.xcf")
(check "an overlay never goes in place"
       (= 3 (begin (probe limits overlaid (vector (top-layer overlaid)) #:make "overlay"
                          #:output "in-place")
                   (count-layers overlaid))))

(define two (fresh))
(define both (layers-of (probe limits two (vector (top-layer two)) #:make "two-layers")))
(check "two layers are returned" (= 2 (vector-length both)))
(check "the first lies on top"
       (equal? "green" (car (gimp-item-get-name (top-layer two)))))
(check "three layers in all" (= 3 (count-layers two)))

(define grey (open-image "grey.png"))
(check "an overlay in a greyscale image is grey"
       (= GRAYA-IMAGE (car (gimp-drawable-type
         (made (probe limits grey (vector (top-layer grey)) #:make "overlay"))))))

(define masked (fresh))
(define masked-layer (top-layer masked))
(check "a mask: the layer is returned"
       (= masked-layer (made (probe limits masked layers-of-masked #:make "mask"))))
(save masked "masked.xcf")
(gimp-image-select-rectangle masked CHANNEL-OP-REPLACE 48 0 48 80)
(gimp-drawable-edit-fill (car (gimp-layer-get-mask masked-layer)) FILL-WHITE)
(gimp-image-select-rectangle masked CHANNEL-OP-REPLACE 0 0 48 80)
(gimp-context-set-foreground '(0 0 0))
(gimp-drawable-edit-fill (car (gimp-layer-get-mask masked-layer)) FILL-FOREGROUND)
(probe limits masked layers-of-masked #:make "mask")
(save masked "mask-selected.xcf")

(define selected (fresh))
(check "a selection: nothing is returned"
       (= 0 (vector-length (layers-of (probe limits selected (vector (top-layer selected))
                                             #:make "selection")))))
(check "the channel for it is gone" (= 0 (vector-length (car (gimp-image-get-channels selected)))))
(check "the layer is still chosen"
       (= (top-layer selected) (vector-ref (car (gimp-image-get-selected-layers selected)) 0)))
(save selected "selected.xcf")
(gimp-image-select-rectangle selected CHANNEL-OP-REPLACE 0 0 96 40)
(probe limits selected (vector (top-layer selected)) #:make "selection")
(save selected "selected-part.xcf")
(gimp-image-select-rectangle selected CHANNEL-OP-REPLACE 0 0 96 40)
(probe informs selected (vector (top-layer selected)) #:make "selection")
(save selected "selected-anew.xcf")

(define informed (fresh))
(gimp-image-select-rectangle informed CHANNEL-OP-REPLACE 0 0 10 10)
(probe informs informed (vector (top-layer informed)) #:make "layer" #:output "in-place")
(save informed "informed.xcf")

; several layers, what is selected, what is locked, what the last run had; none of these images stays
(define (chosen image) (vector->list (car (gimp-image-get-selected-layers image))))
(define (add-layer image name x y width height)
  (let ((layer (car (gimp-layer-new image name width height RGBA-IMAGE 100 LAYER-MODE-NORMAL))))
    (gimp-image-insert-layer image layer 0 0)
    (gimp-layer-set-offsets layer x y)
    layer))
(define (add-channel image name)
  (let ((channel (car (gimp-channel-new image name 96 80 50 '(0 0 0)))))
    (gimp-image-insert-channel image channel 0 0)
    (gimp-drawable-fill channel FILL-WHITE)
    channel))

(define halves (fresh))
(define left (add-layer halves "left" 0 0 48 80))
(define right (add-layer halves "right" 48 0 48 80))
(gimp-image-select-rectangle halves CHANNEL-OP-REPLACE 0 0 96 40)
(probe limits halves (vector left right) #:make "selection")
(save halves "halves.xcf")
(gimp-image-delete halves)

(define corners (fresh))
(define middle (add-layer corners "middle" 40 30 20 20))
(gimp-image-select-rectangle corners CHANNEL-OP-REPLACE 0 0 4 4)
(gimp-image-select-rectangle corners CHANNEL-OP-ADD 90 70 4 4)
(check-error "a selection that lies around a layer" "“middle” is selected"
             (probe limits corners (vector middle) #:make "text"))
(check-error "the same where it informs" "“middle” is selected"
             (probe informs corners (vector middle) #:make "text"))
(gimp-image-delete corners)

(define kept (fresh))
(add-channel kept "a channel")
(gimp-image-set-selected-layers kept (vector (top-layer kept)))
(gimp-image-select-ellipse kept CHANNEL-OP-REPLACE 20 20 40 40)
(gimp-selection-feather kept 10)
(save kept "kept-before.xcf")
(define (still-kept? result)
  (and result (equal? (list (top-layer kept)) (chosen kept))
       (= 1 (vector-length (car (gimp-image-get-channels kept))))))
(check "after a change in place the same layer is chosen, and there is no other channel"
       (still-kept? (probe limits kept (vector (top-layer kept)) #:make "layer" #:output "in-place")))
(check "also where the selection informs"
       (still-kept? (probe informs kept (vector (top-layer kept)) #:make "layer" #:output "in-place")))
(check "also after a mask" (still-kept? (probe limits kept (vector (top-layer kept)) #:make "mask")))
(save kept "kept-after.xcf")
(gimp-image-delete kept)

(define locked (fresh))
(define group (car (gimp-group-layer-new locked "a group")))
(define inside (car (gimp-layer-copy (top-layer locked))))
(gimp-image-insert-layer locked group 0 0)
(gimp-image-insert-layer locked inside group 0)
(gimp-item-set-lock-content group TRUE)
(gimp-image-clean-all locked)
(check-error "in place in a locked group" "“a group” are locked"
             (probe limits locked (vector inside) #:make "layer" #:output "in-place"))
(check-error "a mask in a locked group" "“a group” are locked, so no mask"
             (probe limits locked (vector inside) #:make "mask"))
(check "there is no mask then" (< (car (gimp-layer-get-mask inside)) 0))
(check "and nothing to undo" (= 0 (undo-steps locked)))
(define unlocked (add-layer locked "unlocked" 0 0 48 80))
(define result (probe limits locked (vector inside unlocked) #:make "mask"))
(check "of several layers the others have their masks" (= unlocked (made result)))
(check "and the one that is locked is named" (says? result "“a group” are locked"))
(check "a new layer in a locked group"
       (= group (car (gimp-item-get-parent
         (made (probe limits locked (vector inside) #:make "layer"))))))
(gimp-image-delete locked)

(define-macro (again image)
  `(plug-in-somnium-limits #:run-mode RUN-WITH-LAST-VALS #:image ,image
                           #:drawables (vector (top-layer ,image))))
(define repeated (fresh))
(define elsewhere (fresh))
(gimp-attach-parasite (list "plug-in-somnium-limits-region-last" 0
                            (number->string (add-channel repeated "a region"))))
(check "Repeat has the region of the last run" (says? (again repeated) "region: 96 x 80 x 1"))
(check-error "a region of another image is none" "belongs to another image" (again elsewhere))
(gimp-detach-parasite "plug-in-somnium-limits-region-last")
(gimp-image-delete repeated)
(gimp-image-delete elsewhere)

(define wide (fresh))
(gimp-image-convert-precision wide PRECISION-U16-NON-LINEAR)
(define pictures (images-of (probe limits wide (vector (top-layer wide)) #:make "images")))
(check "two images are returned" (= 2 (vector-length pictures)))
(check "one channel makes a greyscale image"
       (= GRAY (car (gimp-image-get-base-type (vector-ref pictures 0)))))
(check "three make one in colour"
       (= RGB (car (gimp-image-get-base-type (vector-ref pictures 1)))))
(check "new images have the source's precision"
       (= PRECISION-U16-NON-LINEAR (car (gimp-image-get-precision (vector-ref pictures 1)))))
(check "new images are no undo step of the source" (= 1 (count-layers wide)))
(define captioned (fresh))
(define result (probe limits captioned (vector (top-layer captioned)) #:make "captions"))
(save captioned "captioned.xcf")
(save (vector-ref (images-of result) 0) "captions.xcf")
(check "the picture below the captions is the layer that is chosen"
       (equal? "black" (car (gimp-item-get-name
         (vector-ref (car (gimp-image-get-selected-layers (vector-ref (images-of result) 0))) 0)))))
(check-error "an effect's error" "It cannot be done"
             (probe limits wide (vector (top-layer wide)) #:make "fail"))
(for-each gimp-image-delete (vector->list pictures))

; memory
(check "memory by the argument"
       (says? (probe limits image layers #:make "text" #:memory-mb 321) "memory: 321"))
(plug-in-somnium-preferences #:run-mode RUN-NONINTERACTIVE #:memory-mb 654 #:threads 1
                             #:network-folders "/nowhere")
(check "memory by the preferences"
       (says? (probe limits image layers #:make "text") "memory: 654"))
(plug-in-somnium-preferences #:run-mode RUN-NONINTERACTIVE)
(check "memory by itself" (not (contains? (text-of (probe limits image layers #:make "text"))
                                          "memory: 654")))

; folders
(check "a folder, by name, small, and what cannot be read"
       (says? (probe none -1 (vector) #:make "text" #:folder (path "folder"))
              "a.png (5 bytes): picture: none; b.png ("))
(check "what cannot be read is named"
       (says? (probe none -1 (vector) #:make "text" #:folder (path "folder"))
              "1 picture could not be read and was left out: a.png."))
(check "a picture of a folder is made smaller"
       (says? (probe none -1 (vector) #:make "text" #:folder (path "folder"))
              "picture: 16 x 13 x 4"))
(check "what only GIMP reads is read by GIMP"
       (says? (probe none -1 (vector) #:make "text" #:folder (path "folder"))
              "c.xcf (" ))
(check "texts are no pictures"
       (not (contains? (text-of (probe none -1 (vector) #:make "text" #:folder (path "folder")))
                       "d.txt")))
(check "the camera's orientation" (says? (probe none -1 (vector) #:make "text"
                                                #:folder (path "odd"))
                                         "picture: 13 x 16 x 4"))
(check "a colour profile" (says? (probe none -1 (vector) #:make "text" #:folder (path "odd"))
                                 (string-append "picture: 8 x 8 x 4, mean " profiled-mean)))
(check "a picture that promises more than there is" (says? (probe none -1 (vector) #:make "text"
                                                                  #:folder (path "odd"))
                                                           "left out: huge.png."))
(check-error "a folder that is none" "cannot be read"
             (probe none -1 (vector) #:make "text" #:folder (path "no-such-folder")))
(check "without a folder: the open images"
       (says? (probe none -1 (vector) #:make "text") "(-1 bytes): picture: 16 x 13 x 4"))

; without an image
(check "no image at all" (says? (probe none -1 (vector)) "content: none"))
(check "an image that is not looked at" (says? (probe none image layers) "content: none"))
(check "an image that may be there" (says? (probe optional image layers) "content: 96 x 80 x 4"))
(check "or not" (says? (probe optional -1 (vector)) "content: none"))
(define sheet (vector-ref (images-of (probe none -1 (vector) #:make "rgb-image")) 0))
(check "a new image without a source has 8 bits"
       (= PRECISION-U8-NON-LINEAR (car (gimp-image-get-precision sheet))))
(check-error "an image that is needed" "image"
             (probe limits -1 (vector)))

; all open images: where two layers are chosen, both are worked on
(gimp-image-delete two)
(define all (car (gimp-get-images)))
(define indexed (open-image "rgb.png"))
(gimp-item-set-name (top-layer indexed) "indexed")
(gimp-image-convert-indexed indexed CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 4 0 0 "")
(define counts (map count-layers (vector->list all)))
(check-error "what is no image's fault ends the run at once" "no-such-network"
             (probe limits image layers #:network "no-such-network" #:all-images TRUE))
(define result (probe limits image layers #:make "layer" #:all-images TRUE))
(check "each image has a layer more"
       (equal? (map (lambda (n) (+ n 1)) counts) (map count-layers (vector->list all))))
(check "all layers are returned" (= (vector-length all) (vector-length (layers-of result))))
(check "what cannot be worked on is named" (says? result "was left out: This image has indexed"))
"""

# Macros want a name for what is used before `masked-layer` is known to GIMP.
SCRIPT = SCRIPT.replace("layers-of-masked", "(vector masked-layer)")


def near(name, values, expected, tolerance=2):
    error = numpy.abs(values.astype(float) - expected).max()
    return name, [] if error <= tolerance else [f"off by {error} of 255"]


def check_overlay(image):
    red = image.layer("red")
    yield near("an overlay is red where it is to be seen", red.pixels[:40, :48, :3], [255, 0, 0], 0)
    yield near("and half transparent", red.pixels[:40, :48, 3], 128)
    yield near("transparent elsewhere", red.pixels[:40, 49:, 3], 0)
    yield near("and where nothing is selected", red.pixels[40:, :, 3], 0)


def check_masks(whole, part):
    ramp = 255 * numpy.arange(96) / 95
    yield near("a mask has the effect's values", whole.layer("source").mask.pixels[:, :, 0], ramp)
    pixels = part.layer("source").mask.pixels[:, :, 0]
    yield near("a mask is blended where something is selected", pixels[:, :48], ramp[:48])
    yield near("and stays where not", pixels[:, 48:], 255, 0)


def check_selections(whole, part, anew):
    ramp = 255 * numpy.arange(96) / 95
    yield near("a selection has the effect's values", whole.selection.pixels[:, :, 0], ramp)
    pixels = part.selection.pixels[:, :, 0]
    yield near("it is a part of the one that limits the effect", pixels[:40], ramp)
    yield near("and nothing beyond", pixels[40:], 0, 0)
    yield near("it takes the place of one that informs", anew.selection.pixels[:, :, 0], ramp)


def check_halves(image):
    pixels = image.selection.pixels[:, :, 0]
    ramp = 255 * numpy.arange(48) / 47
    yield near("several layers' selections add up", pixels[:40], numpy.tile(ramp, 2))
    yield near("within the one that limits the effect", pixels[40:], 0, 0)


def check_kept(before, after):
    yield near("a soft selection is as it was after the run", after.selection.pixels,
               before.selection.pixels.astype(float), 0)


def check_informed(image):
    pixels = image.layer("source").pixels
    opaque = pixels[..., 3] > 0
    yield near("what informs does not limit", pixels[opaque][:, :3], [0, 255, 0], 0)
    chosen = image.selection.pixels[:, :, 0]
    yield near("and is still selected", chosen[:10, :10], 255, 0)
    yield near("as it was", chosen[10:], 0, 0)


CAPTIONED = [(4, 4, 40, 12), (4, 20, 40, 12), (4, 36, 40, 12), (4, 52, 40, 12), (50, 70, 46, 10)]


def check_captions(sheet, over):
    layer = sheet.layer("Captions").pixels
    yield "captions lie above the picture", [] if sheet.layers[1].name == "black" else ["they do not"]
    inside = numpy.zeros(layer.shape[:2], bool)
    for x, y, width, height in CAPTIONED:
        box = (slice(y, y + height), slice(x, x + width))
        inside[box] = True
        ink, drawn = layer[box], over.layer("red").pixels[box]
        white = (ink[..., :3].min(axis=-1) > 240) & (ink[..., 3] > 240)
        dark = (ink[..., :3].max(axis=-1) < 30) & (ink[..., 3] > 128)
        problems = [] if white.any() and dark.any() else ["no white, or no outline"]
        if not (drawn[..., 1] > 240).any():
            problems.append("nothing on the overlay")
        yield f"there is text at {x}, {y}", problems
    yield near("captions are transparent elsewhere", layer[~inside][:, 3], 0, 0)
    clear = ~inside & (numpy.arange(96) > 48)
    yield near("an overlay is what it was elsewhere", over.layer("red").pixels[clear][:, 3], 0, 0)
    middles = [layer[y : y + 12, 4:44, 3].any(axis=0).nonzero()[0].mean() for y in (4, 36)]
    yield near("captions are centred", numpy.array(middles), 19.5, 1)


def make_folder(folder):
    made = Path(folder, "folder")
    made.mkdir()
    Path(made, "a.png").write_text("hello", encoding="ascii")
    Path(made, "b.png").write_bytes(Path(folder, "rgb.png").read_bytes())
    Path(made, "d.txt").write_text("hello", encoding="ascii")
    Path(made, ".hidden.png").write_bytes(Path(folder, "rgb.png").read_bytes())
    return made


def make_odd_folder(folder):
    """A photo on its side, a picture in wide colours, one that claims to be huge; returns the mean of
    the second as sRGB, alpha counted."""
    made = Path(folder, "odd")
    made.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(Path(folder, "rgb.png")).save(made / "a.jpg", exif=exif.tobytes())
    write_profiles(folder)
    wide = Image.new("RGB", (8, 8), (120, 170, 140))
    wide.save(made / "b.png", icc_profile=Path(folder, "wide.icc").read_bytes())
    profiles = [ImageCms.getOpenProfile(str(Path(folder, f"{name}.icc"))) for name in ("wide", "srgb")]
    rgb = ImageCms.profileToProfile(wide, *profiles).getpixel((0, 0))
    data = bytearray(Path(folder, "rgb.png").read_bytes()[:200])
    data[16:24] = struct.pack(">II", 999999, 999999)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    Path(made, "huge.png").write_bytes(data)
    return (sum(rgb) / 255 + 1) / 4


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(folder)
        make_folder(folder)
        mean = f"{make_odd_folder(folder):.2f}"
        profile = make_probe_profile(folder)
        make_xcf = '(save (open-image "rgb.png") "folder/c.xcf")'
        numbers = f'(define profiled-mean "{mean}")'
        report_checks(tap, run_console(profile, folder, make_xcf + numbers + SCRIPT))

        def image(name):
            return xcf.read(f"{folder}/{name}.xcf")

        for check, names in (
            (check_overlay, ["overlay"]),
            (check_masks, ["masked", "mask-selected"]),
            (check_selections, ["selected", "selected-part", "selected-anew"]),
            (check_halves, ["halves"]),
            (check_kept, ["kept-before", "kept-after"]),
            (check_informed, ["informed"]),
            (check_captions, ["captions", "captioned"]),
        ):
            try:
                for name, problems in check(*map(image, names)):
                    tap.case(name, problems)
            except (OSError, StopIteration, AttributeError, TypeError) as error:
                tap.case(f"{', '.join(names)}: the image", [repr(error)])
    tap.done()


if __name__ == "__main__":
    main()
