#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The training of networks (weights/train) on a few drawn pictures: a run that is stopped and goes
on ends with the same bits as one that was not stopped, for a classifier whatever the number of
threads; and what is exported gives in our engine and in onnxruntime what the network gives in
PyTorch, with its batch normalisation not folded; and so do networks for a style and of features."""

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from common import FORWARD_BOUND, SOURCE, Tap, relative_error
from onnx_files import cut, metadata
from peers import Engine, OnnxRuntime

TRAIN = SOURCE / "weights" / "train"
SMALL = SOURCE / "tests" / "networks" / "somnium-base.onnx"
sys.path.insert(0, str(TRAIN))
import data  # noqa: E402
import export  # noqa: E402
import features  # noqa: E402
import style  # noqa: E402
from network import Vgg  # noqa: E402
from recipes import RECIPES  # noqa: E402

BOUND = 1e-3  # weights are rounded to half precision
SIDE = data.SIDE
CLASSES = ("left", "right", "high", "low")
COUNTS = {"train-0": 40, "train-1": 40, "val": 40}
STOPS = (3, 4)  # steps: in the first phase, of 5, and in the second
LAYERS = ("relu1_1", "relu2_2", "features", "logits")


def drawn(which, random):
    """A picture of a class: noise, with a bright half."""
    levels = random.integers(0, 100, (SIDE, SIDE, 3), dtype=np.uint8)
    half = slice(0, SIDE // 2) if CLASSES[which] in ("left", "high") else slice(SIDE // 2, SIDE)
    place = (slice(None), half) if which < 2 else (half,)
    levels[place] += 120
    return Image.fromarray(levels)


def write_packs(folder):
    """A packed data set."""
    folder.mkdir()
    lines = [f"{name}\t{name} half, bright" for name in CLASSES]
    (folder / "classes.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    random = np.random.default_rng(4)
    for part, count in COUNTS.items():
        with tarfile.open(folder / f"{part}.tar.xz", "w:xz") as archive:
            for i in range(count):
                buffer = io.BytesIO()
                drawn(i % len(CLASSES), random).save(buffer, "JPEG", quality=95)
                member = tarfile.TarInfo(f"{CLASSES[i % len(CLASSES)]}/{i}.JPEG")
                member.size = buffer.tell()
                buffer.seek(0)
                archive.addfile(member, buffer)


def train(packs, cache, threads, steps=None):
    """Returns what classifier.py ended with."""
    command = [sys.executable, "-W", "ignore", str(TRAIN / "classifier.py"), "--data", str(packs),
               "--cache", str(cache), "--recipe", "test", "--threads", str(threads)]
    run = subprocess.run(command + (["--steps", str(steps)] if steps else []),
                         capture_output=True, text=True, check=False)
    if run.returncode not in (0, 3):
        raise RuntimeError(run.stderr)
    return run.returncode


def state_in(cache):
    return torch.load(cache / "test" / "checkpoint.pt", weights_only=True)


def differences(first, second, name=""):
    """Where two nests of dictionaries, lists, tensors and numbers are not the same."""
    if isinstance(first, torch.Tensor):
        return [] if torch.equal(first, second) else [f"{name} differs"]
    if isinstance(first, (list, tuple)):
        first, second = dict(enumerate(first)), dict(enumerate(second))
    if isinstance(first, dict):
        if first.keys() != second.keys():
            return [f"{name} has other parts"]
        return [problem for key in first
                for problem in differences(first[key], second[key], f"{name}/{key}")]
    return [] if first == second else [f"{name}: {first} and {second}"]


def check_resuming(tap, packs, folder):
    """Returns the checkpoint at the end."""
    train(packs, folder / "whole", 1)
    ended = [train(packs, folder / "parts", threads, steps)
             for threads, steps in zip((2, 1), STOPS)] + [train(packs, folder / "parts", 2)]
    whole = state_in(folder / "whole")
    problems = differences(whole, state_in(folder / "parts"))
    if ended != [3, 3, 0]:
        problems.append(f"the parts ended with {ended}")
    if not differences(whole, torch.load(folder / "whole" / "test" / "phase-1.pt")):
        problems.append("the second phase changed nothing")
    tap.case("a stopped run goes on to the same bits", problems)
    return folder / "whole" / "test" / "checkpoint.pt"


def exported(checkpoint, packs, cache, path, *options):
    command = [sys.executable, "-W", "ignore", str(TRAIN / "export.py"), str(checkpoint), str(path),
               "--data", str(packs), "--cache", str(cache), "--recipe", "test", *options]
    subprocess.run(command, check=True, capture_output=True)


def check_between(tap, packs, folder, newer):
    """A file halfway between two has the mean of their weights, but for what half precision loses."""
    older, between = folder / "older.onnx", folder / "between.onnx"
    trained = folder / "whole" / "test"
    exported(trained / "phase-1.pt", packs, folder / "whole", older)
    exported(trained / "checkpoint.pt", packs, folder / "whole", between, "--between", str(older))
    first, second, mean = (export.weights_of(path) for path in (older, newer, between))
    tap.case("halfway between two networks is the mean of their weights",
             [f"{name} differs" for name, weight in mean.items()
              if not torch.allclose(weight, (first[name] + second[name]) / 2, 2e-3, 1e-4)])


def reference(checkpoint, image):
    """What PyTorch makes of it, with the batch normalisation that the file no longer has."""
    network = export.network_of(torch.load(checkpoint, weights_only=True))
    wanted = {name: None for name in LAYERS if name.startswith("relu")}
    with torch.no_grad():
        logits = network(torch.from_numpy(image), wanted)
    wanted["features"] = wanted["relu2_2"].mean((2, 3))
    wanted["logits"] = logits
    return [wanted[name].numpy() for name in LAYERS]


def check_file(tap, path, checkpoint, folder):
    picture = np.asarray(drawn(0, np.random.default_rng(9)), np.float32)
    image = data.normalised(torch.from_numpy(picture)[None, :50, :]).contiguous().numpy()
    expected = reference(checkpoint, image)
    cut(path, list(LAYERS), folder / "cut.onnx")
    with OnnxRuntime() as onnxruntime:
        peers = {"our engine": Engine(path).run(image, list(LAYERS)),
                 "onnxruntime": onnxruntime.run(folder / "cut.onnx", image, list(LAYERS))}
    for name, outputs in peers.items():
        errors = [relative_error(ours.reshape(theirs.shape), theirs)
                  for ours, theirs in zip(outputs, expected)]
        tap.case(f"the file in {name}", [f"{layer} is off by {error:.1e}"
                                         for layer, error in zip(LAYERS, errors)
                                         if not error <= BOUND])


def check_start(tap, path):
    """A training that starts from the file has its network, statistics and all."""
    network = Vgg(RECIPES["test"].blocks, len(CLASSES))
    weights = export.weights_of(path)
    random = np.random.default_rng(5)
    levels = np.stack([np.asarray(drawn(i % len(CLASSES), random)) for i in range(16)])
    images = data.normalised(torch.from_numpy(levels))
    network.unfold(weights, images)
    problems = []
    for place, _, weight, bias in network.folded():
        for ours, name in ((weight, "weight"), (bias, "bias")):
            error = relative_error(ours.numpy(), weights[f"conv{place}.{name}"].numpy())
            if not error <= FORWARD_BOUND:
                problems.append(f"conv{place}.{name} is off by {error:.1e}")
    with torch.no_grad():
        learning, using = (network.train(mode)(images).numpy() for mode in (True, False))
    error = relative_error(learning, using)
    if not error <= BOUND:
        problems.append(f"its statistics are not the pictures': {error:.1e}")
    tap.case("a start from the file", problems)


def check_facts(tap, path):
    facts = metadata(path)
    wanted = {"role": "classifier", "labels": "\n".join(f"{name} half" for name in CLASSES),
              "layers.dream": "relu2_2", "size": str(SIDE), "licence": "CC0-1.0"}
    tap.case("the file's metadata", [f"{key} is {facts.get(key)!r}" for key, value in wanted.items()
                                     if facts.get(key) != value])


def train_style(packs, cache, stop=None):
    command = [sys.executable, "-W", "ignore", str(TRAIN / "style.py"), "half",
               f"{packs}/style.png", "--judge", str(SMALL), "--data", str(packs),
               "--cache", str(cache), "--size", "64", "--style-size", "64", "--steps", "2", "--threads", "1"]
    subprocess.run(command + (["--stop", str(stop)] if stop else []), check=True,
                   capture_output=True)
    return torch.load(cache / "half" / "checkpoint.pt", weights_only=True)


def check_style(tap, packs, folder):
    """A network for a style: resumed, and the file against PyTorch."""
    drawn(1, np.random.default_rng(3)).save(packs / "style.png")
    whole = train_style(packs, folder / "whole")
    train_style(packs, folder / "parts", 1)
    tap.case("a stopped training of a style goes on to the same bits",
             differences(whole, train_style(packs, folder / "parts")))
    stylist = style.Stylist()
    stylist.load_state_dict({name: values.half() for name, values in whole["stylist"].items()})
    picture = torch.from_numpy(np.asarray(drawn(2, np.random.default_rng(6)), np.float32))
    image = data.normalised(picture[None, :52]).contiguous()
    with torch.no_grad():
        expected = stylist(image).numpy()
    path = folder / "whole" / "half" / "half.onnx"
    (ours,) = Engine(path).run(image.numpy(), ["picture"])
    error = relative_error(ours, expected)
    tap.case("a style's file in our engine",
             [] if error <= FORWARD_BOUND else [f"the picture is off by {error:.1e}"])


def check_views(tap):
    """The same for the same seed, and mirrored or not."""
    levels = torch.zeros((64, SIDE, SIDE, 3), dtype=torch.uint8)
    levels[:, :, SIDE // 2:] = 255
    seen = data.views(levels, 48, torch.Generator().manual_seed(1))
    again = data.views(levels, 48, torch.Generator().manual_seed(1))
    left, right = (seen[..., edge].mean((1, 2, 3)) for edge in (slice(8), slice(-8, None)))
    mirrored = (left > right).float().mean().item()
    problems = [] if torch.equal(seen, again) else ["the same seed gave other views"]
    if not 0.25 < mirrored < 0.75:
        problems.append(f"{mirrored:.0%} are mirrored")
    tap.case("views of a batch", problems)


def check_features(tap, folder):
    """A network of features as it begins: the file against PyTorch."""
    torch.manual_seed(3)
    network = features.Features()
    path = folder / "features.onnx"
    export.write(features.graph_of(network), {}, path)
    network.load_state_dict({name: values.half() for name, values in network.state_dict().items()})
    picture = torch.from_numpy(np.asarray(drawn(2, np.random.default_rng(6)), np.float32))
    image = data.normalised(picture[None, :52]).contiguous()
    with torch.no_grad():
        expected = network(image)
    errors = [relative_error(ours, layer.numpy())
              for ours, layer in zip(Engine(path).run(image.numpy(), features.NAMES), expected)]
    tap.case("a file of features in our engine",
             [] if max(errors) <= FORWARD_BOUND else [f"off by {max(errors):.1e}"])


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="somnium-") as name:
        folder = Path(name)
        write_packs(folder / "packs")
        check_views(tap)
        checkpoint = check_resuming(tap, folder / "packs", folder)
        path = folder / "test.onnx"
        exported(checkpoint, folder / "packs", folder / "whole", path)
        check_between(tap, folder / "packs", folder, path)
        check_file(tap, path, checkpoint, folder)
        check_start(tap, path)
        check_facts(tap, path)
        check_style(tap, folder / "packs", folder)
        check_features(tap, folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
