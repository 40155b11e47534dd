# SPDX-License-Identifier: GPL-3.0-or-later
"""Style transfer's losses in PyTorch, by their definitions (nncore/loss/style.h, content.h), and
torch.optim.LBFGS on them; and our own program on the same pictures."""

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import pictures
import styles
from common import BUILD, SHARED, THREADS
from onnx_torch import OnnxTorch

RUN_STYLE = BUILD / "tests" / "effects" / "run-style"
NETWORK = SHARED / "networks" / "vgg19-relu3_4.onnx"
CONTENT_LAYERS = ("relu3_2",)
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
KINDS = ("gram", "covariance", "wasserstein")
RIDGE = 1e-3


@dataclass
class Task:
    """What is to be made from what: pictures are 1 x 3 x H x W arrays of 0 to 1."""

    content: np.ndarray
    style: np.ndarray
    start: np.ndarray
    kind: str = "gram"
    style_weight: float = 10
    content_weight: float = 1
    smoothness: float = 0
    threads: int = field(default=THREADS)


def planes(picture):
    """From PIL to 1 x 3 x H x W."""
    values = np.asarray(picture.convert("RGB"), np.float32) / np.float32(255)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def photo(index, width, height):
    return planes(pictures.load(pictures.photos()[index]).resize((width, height),
                                                                Image.Resampling.LANCZOS))


def drawn(name, width, height):
    return planes(styles.STYLES[name]().resize((width, height), Image.Resampling.LANCZOS))


def moments(x):
    """Mean and second moment over the positions of 1 x C x H x W features."""
    rows = x[0].flatten(1)
    return rows.mean(1), rows @ rows.T / rows.shape[1]


def covariance(mean, second):
    return second - torch.outer(mean, mean)


def root(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def gram_loss(style, picture):
    return ((picture[1] - style[1]) ** 2).sum() / (style[1] ** 2).sum()


def covariance_loss(style, picture):
    wanted = covariance(*style)
    spread = ((covariance(*picture) - wanted) ** 2).sum() / (wanted ** 2).sum()
    return spread + ((picture[0] - style[0]) ** 2).sum() / style[1].trace()


def wasserstein_loss(style, picture):
    """In double: roots of small eigenvalues."""
    style, picture = [[part.double() for part in pair] for pair in (style, picture)]
    wanted = covariance(*style)
    ridge = RIDGE * wanted.trace() / len(wanted) * torch.eye(len(wanted), dtype=torch.double)
    half = root(wanted + ridge)
    own = covariance(*picture) + ridge
    roots = torch.linalg.eigvalsh(half @ own @ half).clamp(min=1e-300).sqrt().sum()
    spread = own.trace() + (wanted + ridge).trace() - 2 * roots
    return (spread + ((picture[0] - style[0]) ** 2).sum()) / style[1].trace()


LOSSES = {"gram": gram_loss, "covariance": covariance_loss, "wasserstein": wasserstein_loss}


def variation(x):
    return (((x[..., 1:] - x[..., :-1]) ** 2).sum()
            + ((x[..., 1:, :] - x[..., :-1, :]) ** 2).sum()) / x.numel()


class StyleLoss:
    """The loss of a task as a function of a picture."""

    def __init__(self, task, dtype=torch.float32):
        self.task, self.dtype, self.override = task, dtype, None
        self.network = OnnxTorch(NETWORK, dtype)
        self.mean = torch.tensor(pictures.CAFFE.mean).to(dtype).view(1, 3, 1, 1)
        with torch.no_grad():
            self.styles = [moments(x) for x in self.features(task.style, STYLE_LAYERS)]
            self.contents = self.features(task.content, CONTENT_LAYERS)

    def features(self, picture, layers):
        x = torch.as_tensor(picture).to(self.dtype)
        return self.network.run(x.flip(1) * 255 - self.mean, list(layers), self.override)

    def __call__(self, x):
        task = self.task
        features = self.features(x, STYLE_LAYERS + CONTENT_LAYERS)
        loss = task.smoothness * variation(x)
        for style, own in zip(self.styles, features):
            loss = loss + (task.style_weight / len(STYLE_LAYERS)
                           * LOSSES[task.kind](style, moments(own)))
        for wanted, own in zip(self.contents, features[len(STYLE_LAYERS):]):
            loss = loss + (task.content_weight / len(CONTENT_LAYERS)
                           * ((own - wanted) ** 2).sum() / (wanted ** 2).sum())
        return loss

    def gradient(self, picture):
        x = torch.as_tensor(picture).to(self.dtype).requires_grad_(True)
        loss = self(x)
        return loss.item(), torch.autograd.grad(loss, x)[0].numpy()

    def score(self, picture):
        with torch.no_grad():
            return self(torch.as_tensor(picture).to(self.dtype)).item()


def torch_lbfgs(task, line_search, iterations):
    """The picture after so many iterations of torch.optim.LBFGS, and the course: (seconds since the
    start, loss) of every evaluation. Its tolerances are for other scales of loss: they are off, and
    the number of evaluations is not limited."""
    torch.set_num_threads(task.threads)
    begin = time.perf_counter()
    loss = StyleLoss(task)
    x = torch.from_numpy(task.start.copy()).contiguous().requires_grad_(True)
    optimiser = torch.optim.LBFGS([x], max_iter=iterations, max_eval=100 * iterations,
                                  tolerance_grad=0, tolerance_change=0,
                                  line_search_fn=line_search)
    course = []

    def closure():
        optimiser.zero_grad()
        value = 100 * loss(x)  # so that its first step is not cut short
        value.backward()
        course.append((time.perf_counter() - begin, value.item() / 100))
        return value

    optimiser.step(closure)
    return x.detach().numpy(), course


def ours(task, folder, iterations, **options):
    """The same by our program: with 0 iterations, the gradient in place of the picture."""
    folder = Path(folder)
    for name in ("content", "style", "start"):
        np.save(folder / f"{name}.npy", getattr(task, name))
    values = {"loss": task.kind, "style-weight": task.style_weight,
              "content-weight": task.content_weight, "smoothness": task.smoothness,
              "style-layers": ",".join(STYLE_LAYERS), "content-layers": ",".join(CONTENT_LAYERS),
              "threads": task.threads, "iterations": iterations, **options}
    files = [str(folder / f"{name}.npy") for name in ("content", "style", "start", "out")]
    run = subprocess.run([str(RUN_STYLE), str(NETWORK), *files,
                          *[f"{key}={value}" for key, value in values.items()]],
                         capture_output=True, text=True, check=True)
    course = [tuple(map(float, line.split())) for line in run.stdout.splitlines()]
    return np.load(files[3]), course


def seconds_to(course, loss):
    """When the course first was at or below the loss; infinity if it never was."""
    return next((seconds for seconds, value in course if value <= loss), float("inf"))
