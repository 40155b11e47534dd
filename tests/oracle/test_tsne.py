#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""t-SNE beside scikit-learn's exact method: of the same points and the same starts, a Kullback-Leibler
divergence, the least of some starts, within 5 % of its at the same learning rate, and no higher than that
of its own choice, as scikit-learn's own affinities have it for our places. Of some, since which of many
minima a start leads to is a matter of rounding.
The points: groups, noise, and what the small network says of small pictures."""

import subprocess
import sys
import tempfile
import warnings

import numpy as np
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import TSNE
from sklearn.manifold._t_sne import _joint_probabilities

from common import BUILD, RUNNER, SOURCE, Tap

RUN_TSNE = BUILD / "tests" / "effects" / "run-tsne"
NETWORK = SOURCE / "tests" / "networks" / "somnium-base.onnx"
BOUND = 0.05
LEAST = 0.02  # a divergence of less is next to none: 5 % of this then
STARTS = range(11, 14)


def groups(count, dimensions, n_groups, seed):
    random = np.random.default_rng(seed)
    centres = 3 * random.standard_normal((n_groups, dimensions))
    return centres[np.arange(count) % n_groups] + random.standard_normal((count, dimensions))


def pictures(count):
    """Small ones of a few kinds: waves of some directions and lengths, in some colors, with noise."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[0:48, 0:48]
    made = []
    for i in range(count):
        kind = i % 6
        angle, period = kind * np.pi / 6 + 0.1 * random.standard_normal(), 4 + 3 * (kind % 3)
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
        color = np.array([kind % 2, kind % 3 / 2, 1 - kind / 5])[:, None, None]
        made.append(0.5 + 0.3 * wave * color + 0.15 * random.standard_normal((3, 48, 48)))
    return np.clip(made, 0, 1)


def features(count):
    """Of length 1, as maps by cosine distance have them."""
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        vectors = []
        for picture in pictures(count):
            np.save(f"{folder}/in.npy", np.float32((picture[None] - 0.45) / 0.25))
            subprocess.run([RUNNER, "--run", f"{folder}/in.npy", "--target", "features", "--output",
                            f"{folder}/out.npy", NETWORK], check=True, capture_output=True)
            vectors.append(np.load(f"{folder}/out.npy").ravel())
    return np.array(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)


def ours(points, start, perplexity):
    """Places, and the divergence that is told."""
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        np.save(f"{folder}/points.npy", np.float32(points))
        np.save(f"{folder}/start.npy", np.float32(start))
        done = subprocess.run([RUN_TSNE, f"{folder}/points.npy", f"{folder}/start.npy",
                               f"{folder}/places.npy", str(perplexity), "1000"],
                              check=True, capture_output=True, text=True)
        return np.load(f"{folder}/places.npy").astype(np.float64), float(done.stdout)


def divergence(points, places, perplexity):
    """By scikit-learn's affinities."""
    squares = np.float32(squareform(pdist(np.float32(points), "sqeuclidean")))
    p = np.maximum(_joint_probabilities(squares, perplexity, 0), 1e-300)
    q = 1 / (1 + pdist(places, "sqeuclidean"))
    q /= 2 * q.sum()
    return 2 * float((p * np.log(p / q)).sum())


def theirs(points, start, perplexity, rate):
    """The divergence, and what scikit-learn tells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = TSNE(method="exact", perplexity=perplexity, init=start, n_iter=1000,
                    learning_rate=rate)
        found = divergence(points, peer.fit_transform(np.float32(points)), perplexity)
    return found, peer.kl_divergence_


def from_start(points, perplexity, seed):
    """The divergences that ours, scikit-learn's and scikit-learn's at its own rate come to; problems with
    what is told of them."""
    random = np.random.default_rng(seed)
    start = np.float32(1e-4 * random.standard_normal((len(points), 2)))
    peer, peer_told = theirs(points, start, perplexity, min(50, len(points) / 12))
    chosen, _ = theirs(points, start, perplexity, "auto")
    places, told = ours(points, start, perplexity)
    found = divergence(points, places, perplexity)
    print(f"# {found:.4f} beside scikit-learn's {peer:.4f} and, by its own rate, {chosen:.4f}")
    problems = []
    if not abs(told - found) <= 1e-3 * max(found, LEAST):
        problems.append(f"the divergence told is {told:.4f}, and is {found:.4f}")
    if not abs(peer_told - peer) <= 2e-2 * max(peer, LEAST):  # some iterations old
        problems.append(f"scikit-learn tells {peer_told:.4f} for {peer:.4f}")
    return (found, peer, chosen), problems


def compare(tap, name, points, perplexity):
    runs = [from_start(points, perplexity, seed) for seed in STARTS]
    found, peer, chosen = np.min([divergences for divergences, _ in runs], axis=0)
    problems = [problem for _, some in runs for problem in some]
    if not abs(found - peer) <= BOUND * max(peer, LEAST):
        problems.append(f"the divergence is {found:.4f}, scikit-learn's {peer:.4f}")
    if not found <= chosen + BOUND * max(chosen, LEAST):
        problems.append(f"the divergence is {found:.4f}, scikit-learn's by its own rate {chosen:.4f}")
    tap.case(name, problems)


def main():
    tap = Tap()
    compare(tap, "groups, perplexity 30", groups(300, 50, 6, 1), 30)
    compare(tap, "groups, perplexity 5", groups(200, 10, 12, 2), 5)
    compare(tap, "noise", np.random.default_rng(5).standard_normal((250, 20)), 30)
    compare(tap, "few points", groups(24, 30, 3, 4), 7)
    compare(tap, "a dozen points", groups(12, 30, 3, 4), 11 / 3)
    compare(tap, "features of pictures", features(120), 20)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
