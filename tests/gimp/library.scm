; SPDX-License-Identifier: GPL-3.0-or-later
; What the Script-Fu of the batch test shares. A check prints one line, which the Python side turns
; into a test case. Expects `folder`, where the pictures are.

(define (say . parts)
  (for-each display parts)
  (newline))

; Runs thunk: (ok RESULT) or (error MESSAGE).
(define (try thunk)
  (call/cc
    (lambda (return)
      (let ((old *error-hook*))
        (set! *error-hook*
              (lambda (message . rest)
                (set! *error-hook* old)
                (return (list 'error message))))
        (let ((result (thunk)))
          (set! *error-hook* old)
          (list 'ok result))))))

(define (failed? outcome) (eq? (car outcome) 'error))

; For what evaluates to true.
(define-macro (check name expression)
  `(let ((outcome (try (lambda () ,expression))))
     (say "CHECK " (if (and (not (failed? outcome)) (cadr outcome)) "ok" "not ok")
          " - " ,name " # " (cadr outcome))))

(define (contains? text part)
  (let ((size (string-length part)))
    (let loop ((at 0))
      (cond ((> (+ at size) (string-length text)) #f)
            ((string=? (substring text at (+ at size)) part) #t)
            (else (loop (+ at 1)))))))

; For what must fail, with a sentence that has `part` in it and an end.
(define-macro (check-error name part expression)
  `(let ((outcome (try (lambda () ,expression))))
     (say "CHECK "
          (if (and (failed? outcome) (contains? (cadr outcome) ,part)) "ok" "not ok")
          " - " ,name " # " (cadr outcome))))

(define (path name) (string-append folder "/" name))

(define (open-image name) (car (gimp-file-load RUN-NONINTERACTIVE (path name))))
(define (top-layer image) (vector-ref (car (gimp-image-get-layers image)) 0))
(define (count-layers image) (vector-length (car (gimp-image-get-layers image))))
(define (save image name) (gimp-file-save RUN-NONINTERACTIVE image (path name) -1))

; A dream that takes a moment only; more arguments follow as for the procedure.
(define-macro (dream image layers . more)
  `(plug-in-somnium-deepdream #:run-mode RUN-NONINTERACTIVE #:image ,image #:drawables ,layers
                              #:iterations 2 #:octaves 1 #:step 8 ,@more))

; The only layer that a dream returned.
(define (made result) (vector-ref (car result) 0))
