#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains a classifier, or goes on training it:

    classifier.py --data PACKS [--recipe NAME] [--cache FOLDER]

The recipe's folder in the cache gets checkpoint.pt, from which a stopped run goes on (bit for bit,
on the same machine, as if it had not been stopped), a copy of it at the end of each phase
(phase-N.pt), and log.txt. Ends with status 0 at the recipe's end, with 3 if it was stopped before.
"""

import argparse
import math
import os
import signal
import sys
import time
from pathlib import Path

import torch

import checkpoint
import data
from evaluate import accuracy
from recipes import RECIPES
from training import Training

SECONDS_BETWEEN_CHECKPOINTS = 300


class Run:
    """A training with its pictures and its folder."""

    def __init__(self, options):
        self.folder = Path(options.cache) / options.recipe
        self.folder.mkdir(parents=True, exist_ok=True)
        self.train = data.Pictures(options.data, "train", options.cache)
        self.validation = data.Pictures(options.data, "val", options.cache)
        classes = len(data.class_names(options.data)[0])
        self.training = Training(RECIPES[options.recipe], classes, options.seed, options.threads)
        self.steps_left = options.steps or math.inf
        self.told = False  # to stop
        if (self.folder / "checkpoint.pt").exists():
            self.training.restore(checkpoint.read(self.folder / "checkpoint.pt"))
            self.log("goes on")
        elif options.start:
            from export import weights_of  # needs python3-onnx, which training does not
            self.training.start_from(weights_of(options.start), options.phase - 1, self.train)
            self.log(f"starts from {options.start}")

    def log(self, what):
        place = self.training
        line = (f"{time.strftime('%Y-%m-%d %H:%M:%S')} phase {place.phase + 1} "
                f"epoch {place.epoch + 1} step {place.step}: {what}")
        print(line, flush=True)
        with open(self.folder / "log.txt", "a", encoding="utf-8") as file:
            print(line, file=file)

    def write_checkpoint(self, name="checkpoint"):
        checkpoint.write(self.training.state(), self.folder / f"{name}.pt")

    def stop(self, *_):
        self.told = True

    def go(self):
        """Until the recipe's end, or until told to stop. Returns whether the end was reached."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self.stop)
        while self.training.phase < len(self.training.recipe.phases):
            if not self.go_on_in_epoch():
                self.write_checkpoint()
                self.log("stopped")
                return False
            self.end_epoch()
        return True

    def go_on_in_epoch(self):
        """Returns false if told to stop before the epoch's end."""
        training, batch = self.training, self.training.recipe.batch
        steps = len(self.train) // batch
        chance = training.generator(-1 - training.epochs_done())
        order = torch.randperm(len(self.train), generator=chance)
        losses, start = [], time.monotonic()
        while training.step < steps:
            if self.told or self.steps_left <= 0:
                return False
            chosen = order[training.step * batch:(training.step + 1) * batch]
            losses.append(training.learn(self.train.levels[chosen], self.train.labels[chosen],
                                         training.rate(steps)))
            self.steps_left -= 1
            seconds = time.monotonic() - start
            if seconds > SECONDS_BETWEEN_CHECKPOINTS or training.step == steps:
                self.log(f"loss {sum(losses) / len(losses):.4f}, "
                         f"{len(losses) * batch / seconds:.0f} pictures/s")
                self.write_checkpoint()
                losses, start = [], time.monotonic()
        return True

    def end_epoch(self):
        training = self.training
        phase = training.recipe.phases[training.phase]
        last = training.epoch + 1 == phase.epochs
        for size in sorted({*phase.sizes, data.SIDE}) if last else phase.sizes:
            best, five = accuracy(training.mean, self.validation, data.SIDE, size, training.device,
                                  fast=True, each=training.threads.map)
            self.log(f"validation at {size} px: top-1 {100 * best:.2f} %, top-5 {100 * five:.2f} %")
        training.epoch, training.step = training.epoch + 1, 0
        if training.epoch == phase.epochs:
            training.phase, training.epoch = training.phase + 1, 0
            self.write_checkpoint(f"phase-{training.phase}")
        self.write_checkpoint()


def main():
    parser = argparse.ArgumentParser(description="Trains a classifier, or goes on training it.")
    parser.add_argument("--data", required=True, help="the folder of the packed data set")
    parser.add_argument("--recipe", default="vgg12", choices=RECIPES, help="which network")
    parser.add_argument("--cache", default=data.cache_folder(),
                        help="where the unpacked pictures are, and the checkpoints, in a folder "
                        "called as the recipe")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--start", help="where there is no checkpoint: an exported network to "
                        "start from, instead of chance")
    parser.add_argument("--phase", type=int, default=1, help="and in which phase of the recipe")
    parser.add_argument("--steps", type=int, help="stop after so many steps")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return 0 if Run(options).go() else 3


if __name__ == "__main__":
    sys.exit(main())
