#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Style transfer beside PyTorch on VGG-19: every loss and its gradient at the same point, and how
far a hundred iterations of L-BFGS get, ours and torch.optim.LBFGS's, from the same start.

The gradient is compared with float64's where each ReLU and each max-pooling window decides as in
our engine (ties.py): float32 may fairly decide the other way at a tie, and then single pixels
differ by more than rounding."""

import sys
import tempfile

import numpy as np
import torch

import style_torch
from common import Tap, relative_error
from peers import Engine
from style_torch import CONTENT_LAYERS, KINDS, STYLE_LAYERS, StyleLoss, Task
from ties import Decisions, deciding_tensors

BOUND = 1e-4
NO_WORSE = 1.02
SIDE = 384
ITERATIONS = 100


class DecidedLoss(StyleLoss):
    """In float64, units deciding as in our engine."""

    def __init__(self, task):
        super().__init__(task, torch.float64)
        image = torch.as_tensor(task.start).flip(1) * 255 - self.mean.float()
        names = deciding_tensors(self.network, STYLE_LAYERS + CONTENT_LAYERS)
        self.decisions = Decisions(names, Engine(style_torch.NETWORK).run(image.numpy(), names))
        self.override = self.decisions


def points():
    """A photo with noise, and noise alone; sizes that are no multiples of anything."""
    random = np.random.default_rng(0)
    content, style = style_torch.photo(5, 150, 118), style_torch.drawn("strokes", 141, 133)
    near = content + random.normal(0, 0.1, content.shape)
    far = random.uniform(0, 1, content.shape)
    return {"photo": (content, style, near.astype(np.float32)),
            "noise": (content, style, far.astype(np.float32))}


def check_point(tap, name, kind, pictures):
    task = Task(*pictures, kind=kind, smoothness=3)
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        gradient, course = style_torch.ours(task, folder, 0)
    loss = DecidedLoss(task)
    value, expected = loss.gradient(task.start)
    errors = abs(course[0][1] / value - 1), relative_error(gradient, expected)
    problems = list(loss.decisions.refused.values())
    problems += [f"the {what} differs by {error:.2e}"
                 for what, error in zip(("loss", "gradient"), errors) if not error <= BOUND]
    tap.case(f"{kind} at {name}", problems)
    print(f"# {kind} at {name}: loss {value:.6f}, errors of loss {errors[0]:.1e}, "
          f"of gradient {errors[1]:.1e}")


def check_descent(tap):
    content = style_torch.photo(5, SIDE, SIDE * 3 // 4)
    task = Task(content, style_torch.drawn("strokes", SIDE, SIDE), content.copy())
    loss = StyleLoss(task)
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        picture, _ = style_torch.ours(task, folder, ITERATIONS)
    own = loss.score(picture)
    theirs = {search: loss.score(style_torch.torch_lbfgs(task, search, ITERATIONS)[0])
              for search in (None, "strong_wolfe")}
    best = min(theirs.values())
    tap.case(f"L-BFGS, {ITERATIONS} iterations at {SIDE} px",
             [] if own <= NO_WORSE * best else [f"{own:.6f}, but PyTorch {best:.6f}"])
    print(f"# start {loss.score(content):.6f}, ours {own:.6f}, PyTorch {theirs}")


def main():
    tap = Tap()
    if not style_torch.NETWORK.exists():
        tap.skip("style transfer", "../shared is not here")
    else:
        for name, pictures in points().items():
            for kind in KINDS:
                check_point(tap, name, kind, pictures)
        check_descent(tap)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
