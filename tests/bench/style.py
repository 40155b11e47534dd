#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Style transfer beside PyTorch on VGG-19 up to relu3_2, a photo in the style of a drawing, Gram
matrices: a hundred iterations of our L-BFGS and of torch.optim.LBFGS, at both its line-search
settings, from the same start, one after the other with the same number of threads. PyTorch scores
all three pictures. The ratio is how many times sooner we reach the better of PyTorch's two losses,
as its own course tells it: the first time that PyTorch was there, over the first time that we were
(each with the preparation of content and style, without starting the process and reading the file).

style.py [SIDE [THREADS]]: longest side in px, 384 unless told. Prints a line of JSON."""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "checks"))
import style_torch  # noqa: E402
from style_torch import StyleLoss, Task, seconds_to, torch_lbfgs  # noqa: E402

ITERATIONS = 100
SEARCHES = {"PyTorch, no line search": None, "PyTorch, strong Wolfe": "strong_wolfe"}


def measure(side, threads):
    content = style_torch.photo(5, side, side * 3 // 4)
    task = Task(content, style_torch.drawn("strokes", side, side), content.copy(), threads=threads)
    runs = {}
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        runs["ours"] = style_torch.ours(task, folder, ITERATIONS)
    for name, search in SEARCHES.items():
        runs[name] = torch_lbfgs(task, search, ITERATIONS)
    loss = StyleLoss(task)
    scores = {name: loss.score(picture) for name, (picture, _) in runs.items()}
    best = min(SEARCHES, key=scores.get)
    goal = min(value for _, value in runs[best][1])
    seconds = {name: seconds_to(course, goal) for name, (_, course) in runs.items()}
    return {
        "name": "style", "size_px": side, "threads": threads, "what": "optimisation",
        "ours_peak_mib": None, "peer_peak_mib": None, "scores": scores, "peer": best,
        "evaluations": {name: len(course) for name, (_, course) in runs.items()},
        "seconds": {name: course[-1][0] for name, (_, course) in runs.items()},
        "goal": goal, "ours_s": seconds["ours"], "peer_s": seconds[best],
        "ratio": seconds[best] / seconds["ours"], "loss_ratio": scores["ours"] / scores[best],
    }


def main():
    numbers = [int(word) for word in sys.argv[1:]]
    print(json.dumps(measure(*(numbers + [384, 2][len(numbers):]))))


if __name__ == "__main__":
    main()
