# SPDX-License-Identifier: GPL-3.0-or-later
"""Files from which a training that was stopped goes on."""

import os

import torch


def write(state, path):
    """Whole or not at all, whatever happens meanwhile."""
    aside = path.with_suffix(".part")
    with open(aside, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def read(path):
    return torch.load(path, weights_only=True, map_location="cpu")
