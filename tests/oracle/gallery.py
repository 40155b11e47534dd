#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gallery to be looked at: a picture of every effect in each of its modes.

    ./dev shell --oracle -- python3 tests/oracle/gallery.py FOLDER [EFFECT...]

Writes FOLDER/EFFECT-MODE.png and all of them on FOLDER/gallery.png, with what each effect said below
its picture. The bundled networks, but for the effects that explain: tiny-darknet of ../shared, which
knows the photos' classes. Masks and selections are shown as they are, white where they hold; layers with
holes over a checkerboard."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import pictures
import styles
from common import SHARED
from explained import describe, run_effect
from networks import BUNDLED, FEATURES

KNOWING = SHARED / "networks" / "tiny-darknet.onnx"
SIDE, COLUMNS, LINE = 240, 7, 14
CHECK_PX, CHECKS = 12, (102, 153)
STYLE, NOTHING = "style", "-"
METHODS = ("gradient", "smoothgrad", "integrated-gradients", "input-x-gradient", "guided-backprop",
           "deconvnet", "grad-cam", "guided-grad-cam")
MAPS = ("colors", "grey", "mask", "selection")
LOSSES = ("gram", "covariance", "wasserstein")


def modes():
    """Of each effect: its network, and by mode the picture it takes, if not the photo, and its
    arguments."""
    candy, mosaic = (SHARED / "networks" / f"fast-style-{name}.onnx" for name in ("candy", "mosaic"))
    yield "deepdream", BUNDLED, {
        "l2": [], "mean": ["objective=mean"], "channel": ["objective=channel", "channel=12"],
        "class": ["objective=class", "class=goldfish"], "guide": ["guide-file=STYLE"]}
    yield "style-transfer", FEATURES, {loss: ["style-1-file=STYLE", f"loss={loss}"] for loss in LOSSES}
    yield "texture-synthesis", FEATURES, {
        "any": [STYLE, "width=240", "height=240"],
        "tileable": [STYLE, "width=240", "height=240", "tileable=1"]}
    yield "fast-style", candy, {"candy": [], "luminance": ["keep-colors=1"]}
    yield "fast-style", mosaic, {"mosaic": []}
    yield "feature-inversion", BUNDLED, {
        "pixels": ["layers=relu2_1", "parametrization=pixels"],
        "frequencies": ["layers=relu3_1", "parametrization=frequencies"]}
    yield "what-is-it", KNOWING, {"any": []}
    yield "saliency", KNOWING, {
        **{method: [f"method={method}"] for method in METHODS},
        **{f"grad-cam-{kind}": ["method=grad-cam", f"output={kind}"] for kind in MAPS}}
    yield "occlusion", KNOWING, {
        **{fill: [f"fill={fill}"] for fill in ("mean", "blur", "grey", "black")},
        **{kind: [f"output={kind}"] for kind in MAPS[1:]}}
    yield "select-subject", KNOWING, {kind: [f"output={kind}"] for kind in ("selection", "mask", "layer")}
    yield "adversarial", KNOWING, {"pgd": ["least=0"], "fgsm": ["method=fgsm"], "to-goldfish": ["class=goldfish"],
                                     "least": ["least=1"]}
    yield "filters", BUNDLED, {"each": [NOTHING], "alike": [NOTHING, "scale=alike"]}
    yield "activations", BUNDLED, {"sheet": ["layer=relu3_1"],
                                   "colors": ["layer=relu3_1", "sheet-colors=magma"],
                                   "channel": ["layer=relu3_1", "show=channel", "channel=5"]}
    yield "top-patches", BUNDLED, {"distinct": [NOTHING, "folder=FOLDER"],
                                   "chosen": [NOTHING, "folder=FOLDER", "channels=3,7,12"]}
    yield "visualise", BUNDLED, {
        "channel": [NOTHING, "layer=relu4_1", "channels=0-3"],
        "neuron": [NOTHING, "target=neuron", "layer=relu4_1", "channels=0-3"],
        "class": [NOTHING, "target=class", "classes=goldfish; monarch"],
        "pixels": [NOTHING, "layer=relu4_1", "channels=0-1", "parametrization=pixels"]}
    yield "nearest-images", KNOWING, {"any": ["folder=FOLDER"]}
    yield "image-map", KNOWING, {"points": [NOTHING, "folder=FOLDER", "perplexity=5"],
                                 "grid": [NOTHING, "folder=FOLDER", "perplexity=5", "layout=grid"]}


def network_file(path, folder):
    """The network, with what its input is where the file does not say so."""
    if path != KNOWING:
        return path
    link = Path(folder) / path.name
    if not link.exists():
        link.symlink_to(path)
        link.with_suffix(".labels.txt").symlink_to(path.with_suffix(".labels.txt"))
        describe(link, pictures.InputSpec())
    return link


def over_checks(path):
    """A picture in numbers, with alpha, over a checkerboard."""
    numbers = np.load(path).clip(0, 1)
    y, x = np.mgrid[:numbers.shape[0], :numbers.shape[1]] // CHECK_PX
    paper = np.take(np.array(CHECKS) / 255, (x + y) % 2)[..., None]
    alpha = numbers[..., 3:]
    seen = alpha * numbers[..., :3] + (1 - alpha) * paper
    return Image.fromarray(np.rint(255 * seen).astype(np.uint8))


def run(effect, network, words, folder):
    """The first picture that it made, or None, and what it said."""
    source = f"{folder}/photo.ppm"
    if words and words[0] in (STYLE, NOTHING):
        source = {STYLE: f"{folder}/style.ppm", NOTHING: NOTHING}[words[0]]
        words = words[1:]
    holed = "output=layer" in words
    out = Path(folder) / ("out.npy" if holed else "out.ppm")
    out.unlink(missing_ok=True)
    words = [word.replace("STYLE", f"{folder}/style.ppm").replace("FOLDER", f"{folder}/photos")
             for word in words]
    try:
        told = run_effect(effect, network_file(network, folder), source, out,
                          **dict(word.split("=", 1) for word in words))
    except RuntimeError as error:
        return None, str(error).split(": ", 1)[-1]
    said = [line for line in told.splitlines() if not line.startswith(f"{effect}: ")]
    load = over_checks if holed else pictures.load
    return (load(out) if out.exists() else None), said[0] if said else ""


def write_pictures(folder):
    (Path(folder) / "photos").mkdir()
    for path in pictures.photos():
        photo = pictures.load(path)
        photo.thumbnail((256, 256), Image.Resampling.LANCZOS)
        photo.save(f"{folder}/photos/{path.stem}.ppm")
    photo = pictures.load(pictures.PHOTOS / "n02279972_monarch.jpg")
    photo.thumbnail((384, 384), Image.Resampling.LANCZOS)
    photo.save(f"{folder}/photo.ppm")
    next(iter(styles.STYLES.values()))().resize((256, 256), Image.Resampling.LANCZOS).save(
        f"{folder}/style.ppm")


def sheet_of(cells):
    rows = -(-len(cells) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + 2 * LINE)))
    draw = ImageDraw.Draw(sheet)
    draw.font = ImageFont.truetype("DejaVuSans.ttf", 10)  # PIL's own has no arrows
    for i, (name, picture, said) in enumerate(cells):
        x, y = i % COLUMNS * SIDE, i // COLUMNS * (SIDE + 2 * LINE)
        if picture is not None:
            small = picture.copy()
            small.thumbnail((SIDE - 4, SIDE - 4), Image.Resampling.LANCZOS)
            sheet.paste(small, (x, y + SIDE - 4 - small.height))
        draw.text((x, y + SIDE), name, fill="white")
        draw.text((x, y + SIDE + LINE), said[:38], fill="grey")
    return sheet


def main():
    target, chosen = Path(sys.argv[1]), sys.argv[2:]
    target.mkdir(parents=True, exist_ok=True)
    cells, failed = [], False
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        write_pictures(folder)
        for effect, network, kinds in modes():
            for mode, words in kinds.items():
                if chosen and effect not in chosen:
                    continue
                picture, said = run(effect, network, words, folder)
                failed |= picture is None and effect != "what-is-it"
                print(f"{effect}-{mode}: {said}", flush=True)
                if picture is not None:
                    picture.save(target / f"{effect}-{mode}.png")
                cells.append((f"{effect} {mode}", picture, said))
    sheet_of(cells).save(target / "gallery.png")
    return failed


if __name__ == "__main__":
    sys.exit(main())
