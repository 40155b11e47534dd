# SPDX-License-Identifier: GPL-3.0-or-later
"""What the oracle tests share: folders, the TAP printer of tests/checks, the measure of error."""

import os
import sys
from pathlib import Path

import numpy as np

SOURCE = Path(os.environ.get("SOMNIUM_SOURCE_DIR") or Path(__file__).resolve().parents[2])
BUILD = Path(os.environ.get("SOMNIUM_BUILD_DIR") or SOURCE / "build")
SHARED = SOURCE.parent / "shared"
RUNNER = Path(os.environ.get("SOMNIUM_NET") or BUILD / "weights" / "somnium-net")

sys.path.insert(0, str(SOURCE / "tests" / "checks"))
from tap import Tap  # noqa: E402,F401

THREADS = int(os.environ.get("SOMNIUM_TEST_THREADS", 2))
FORWARD_BOUND = 1e-4
GRADIENT_BOUND = 1e-3
RESOLVED_BOUND = 1e-4  # of gradients where both engines decide the same at ties


def relative_error(ours, theirs):
    """The largest difference, relative to the largest absolute value of theirs."""
    if ours.shape != theirs.shape:
        raise ValueError(f"the shapes differ: {ours.shape} and {theirs.shape}")
    if not np.isfinite(ours).all():
        return float("inf")
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
