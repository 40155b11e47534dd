; SPDX-License-Identifier: GPL-3.0-or-later
; What `./dev demo` has GIMP do: dream on a photo into a new layer; the picture goes to one file, the
; photo and the dream as layers to another. All values are the defaults, but the working size is
; twice as large, so that pictures up to 2048 px are dreamt on as they are.
(define (demo photo-file png-file xcf-file)
  (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE photo-file)))
         (layer (demo-single-layer image)))
    (plug-in-somnium-deepdream #:run-mode RUN-NONINTERACTIVE
                               #:image image
                               #:drawables (vector layer)
                               #:working-size 2048)
    (gimp-file-save RUN-NONINTERACTIVE image xcf-file -1)
    (gimp-file-save RUN-NONINTERACTIVE image png-file -1)
    (gimp-image-delete image)))

; The layer of a photo; a file with several is flattened first.
(define (demo-single-layer image)
  (let ((layers (car (gimp-image-get-layers image))))
    (if (= (vector-length layers) 1)
        (vector-ref layers 0)
        (car (gimp-image-flatten image)))))
