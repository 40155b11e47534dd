#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet of style transfer, to be looked at:

    ./dev shell --oracle -- python3 tests/oracle/style_sheet.py SHEET.png [SIZE [ITERATIONS]]

Three photos by three drawn styles; a row has photo and style and then, for the bundled features and
for VGG-19 up to relu3_4, each loss with L-BFGS and with Adam, at default values but for the longest
side in px (384 unless told) and, if told, the iterations."""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import pictures
import styles
from common import BUILD
from networks import FEATURES, VGG19

RUN_EFFECT = BUILD / "tests" / "effects" / "run-effect"
NETWORKS = (FEATURES, VGG19)
PHOTOS = ("n02123045_tabby", "n02814860_beacon", "n07753592_banana")
LOSSES = ("gram", "covariance", "wasserstein")
OPTIMISERS = ("lbfgs", "adam")


def transfer(folder, network, options):
    """The result for the photo and the style that lie in the folder."""
    words = [f"{key}={value}" for key, value in options.items()]
    command = [str(RUN_EFFECT), "style-transfer", str(network), f"{folder}/photo.ppm",
               f"{folder}/out.ppm", f"style-1-file={folder}/style.ppm", *words]
    subprocess.run(command, check=True, capture_output=True)
    return pictures.load(f"{folder}/out.ppm")


def row(folder, photo, style, size, options):
    """Photo, style, and what becomes of them."""
    photo.thumbnail((size, size), Image.Resampling.LANCZOS)
    photo.save(f"{folder}/photo.ppm")
    style.save(f"{folder}/style.ppm")
    cells = [photo, style.resize((size, size), Image.Resampling.LANCZOS)]
    for network in NETWORKS:
        for loss in LOSSES:
            for optimiser in OPTIMISERS:
                cells.append(transfer(folder, network, {"loss": loss, "optimizer": optimiser,
                                                        **options}))
    return cells


def main():
    path, size = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 384
    options = {"working-size": size}
    if len(sys.argv) > 3:
        options["iterations"] = sys.argv[3]
    columns = 2 + len(NETWORKS) * len(LOSSES) * len(OPTIMISERS)
    sheet = Image.new("RGB", (columns * size, len(PHOTOS) * len(styles.STYLES) * size))
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        for i, name in enumerate(PHOTOS):
            for k, draw in enumerate(styles.STYLES.values()):
                photo = pictures.load(pictures.PHOTOS / f"{name}.jpg")
                for j, cell in enumerate(row(folder, photo, draw(), size, options)):
                    place = (j * size, (i * len(styles.STYLES) + k) * size)
                    sheet.paste(cell, place)
                sheet.save(path)  # after every row: it takes its time


if __name__ == "__main__":
    main()
