# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines of the benchmark. Each run of one is a process of its own, and gives for forward and
for forward+gradient the seconds of every round and the process's peak resident memory from its very
start: libraries, reading the network and preparing weights included, for all engines alike.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
NET = BUILD / "weights" / "somnium-net"
DARKNET = Path("/usr/lib/darknet")  # of Debian's package
DARKNET_PEER = BUILD / "tests" / "bench" / "peer-darknet"
FORWARD, GRADIENT = "forward", "forward+gradient"
TIME = re.compile(r"^forward ([\d.]+) s, with gradient ([\d.]+) s$", re.M)
PEAK = re.compile(r"peak ([\d.]+) MiB")
# A process inherits the peak of the one that it was made from: a small one must come between.
LAUNCHER = ["sh", "-c", '"$@"; exit "$?"', "sh"]


class EngineError(Exception):
    """A run that failed; a sentence."""


def launch(command):
    done = subprocess.run([*LAUNCHER, *map(str, command)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        name = " ".join(Path(part).name for part in command[:2])
        raise EngineError(f"{name} failed: {lines[-1]}")
    return done


class Network:
    """A network's file, and beside it in a folder what lower.py makes of it for the peers."""

    def __init__(self, path, target, folder):
        self.path, self.target, self.folder = Path(path), target, Path(folder)

    def lower(self):
        launch([sys.executable, HERE / "lower.py", self.path, self.target, self.folder])
        launch([sys.executable, HERE / "peer_onnxruntime.py", self.folder / "cut.onnx",
                self.folder / "onnxruntime.onnx"])


class Case:
    """A network, a picture of random numbers and a number of threads: what all engines are given,
    and a folder for what they answer."""

    def __init__(self, network, height, width, threads, folder, options=()):
        self.network, self.height, self.width = network, height, width
        self.options = options  # of ours alone
        self.threads, self.folder = threads, Path(folder)
        random = np.random.default_rng(1)
        picture = random.normal(size=(1, 3, height, width)).astype(np.float32)
        np.save(self.path("x.npy"), picture)

    def path(self, name):
        return self.folder / name

    def pixels(self):
        return self.height * self.width

    def make_seed(self):
        """A gradient to the target, which has to be run for its shape; the seconds that takes, of
        which the first time says nothing (the system finds the memory)."""
        seconds = min(ours_once(self, FORWARD, 3)["seconds"])
        shape = np.load(self.path(f"ours-{FORWARD}.npy"), mmap_mode="r").shape
        seed = np.random.default_rng(2).normal(size=shape).astype(np.float32)
        np.save(self.path("seed.npy"), seed)
        return seconds

    def answer(self, engine, what):
        path = self.path(f"{engine}-{what}")
        numbers = np.fromfile(f"{path}.f32", np.float32) if engine == "darknet" else \
            np.load(f"{path}.npy")
        return numbers.ravel()

    def difference(self, engine, what):
        """Between our answer and another engine's, relative to the norm."""
        theirs = self.answer(engine, what)
        return float(np.linalg.norm(self.answer("ours", what) - theirs) / np.linalg.norm(theirs))


def ours_once(case, what, rounds):
    command = [NET, case.network.path, "--run", case.path("x.npy"), "--target",
               case.network.target, "--output", case.path(f"ours-{FORWARD}.npy"),
               "--threads", case.threads, "--repeat", rounds, *case.options]
    if what == GRADIENT:
        command += ["--gradient-seed", case.path("seed.npy"),
                    "--gradient", case.path(f"ours-{GRADIENT}.npy")]
    text = launch(command).stderr
    return {"seconds": [float(pair[what == GRADIENT]) for pair in TIME.findall(text)],
            "peak_mib": float(PEAK.search(text).group(1))}


def ours(case, rounds):
    """Two processes: with a gradient in view, more is kept."""
    return {what: ours_once(case, what, rounds) for what in (FORWARD, GRADIENT)}


def peer(command):
    return json.loads(launch(command).stdout.splitlines()[-1])


def onnxruntime(case, rounds):
    return peer([sys.executable, HERE / "peer_onnxruntime.py",
                 case.network.folder / "onnxruntime.onnx", case.path("x.npy"), case.threads,
                 rounds, case.path(f"onnxruntime-{FORWARD}.npy")])


def torch(layout):
    def engine(case, rounds):
        answers = [case.path(f"PyTorch {layout}-{what}.npy") for what in (FORWARD, GRADIENT)]
        return peer([sys.executable, HERE / "peer_torch.py", case.network.folder / f"{layout}.pt",
                     case.path("x.npy"), case.path("seed.npy"), case.threads, rounds, *answers])
    return engine


def darknet(case, rounds):
    files = [case.network.folder / f"darknet.{kind}" for kind in ("cfg", "weights")]
    answers = [case.path(f"darknet-{what}.f32") for what in (FORWARD, GRADIENT)]
    for name in ("x", "seed"):
        np.load(case.path(f"{name}.npy")).tofile(case.path(f"{name}.f32"))
    return peer([DARKNET_PEER, *files, case.path("x.f32"), case.width, case.height,
                 case.path("seed.f32"), rounds, *answers])


def build_darknet_peer():
    DARKNET_PEER.parent.mkdir(parents=True, exist_ok=True)
    launch(["cc", "-O2", f"-I{DARKNET}/include", HERE / "peer_darknet.c", "-o", DARKNET_PEER,
            DARKNET / "libdarknet.so", f"-Wl,-rpath,{DARKNET}"])


ENGINES = {"ours": ours, "onnxruntime": onnxruntime, "PyTorch NCHW": torch("NCHW"),
           "PyTorch NHWC": torch("NHWC"), "darknet": darknet}


def engines_for(name, threads):
    """Darknet's Debian build knows one thread, and its rows are tiny-darknet's."""
    alone = name == "tiny-darknet" and threads == 1 and DARKNET.exists()
    return [engine for engine in ENGINES if engine != "darknet" or alone]
