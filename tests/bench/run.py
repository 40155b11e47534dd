#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark behind `./dev bench [NAME...]`: our time and memory beside PyTorch's (the better
of its two memory formats) and onnxruntime's, for the forward pass and for forward and gradient to
the input.

Every engine is a process of its own with the same file, input and number of threads; they take
turns, and the medians over all turns count. A row whose results differ fails. The ratios say how
many times faster than the peer we are; absolute times mean little on a busy machine. A copy goes
to build/bench.json.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
BUILD = SOURCE / "build"
SHARED = SOURCE.parent / "shared" / "networks"
NETWORKS = {  # name: file, target
    "somnium-base": (SOURCE / "weights/networks/somnium-base.onnx", "relu5_1"),
    "tiny-darknet": (SHARED / "tiny-darknet.onnx", "leaky9"),
    "vgg19-relu3_4": (SHARED / "vgg19-relu3_4.onnx", "relu3_4"),
}
WHAT = ("forward", "forward+gradient")
TURNS = 3
ROUNDS = 3  # in a turn; the first warms up
# Relative to the norm. A tie in ReLU or max-pool, broken the other way, moves single gradients by
# far more than rounding does; tests/oracle proves that nothing else does.
LIMIT = {"forward": 1e-4, "forward+gradient": 1e-2}
CUT = "import sys; sys.path.insert(0, sys.argv[1]); import onnx_files; " \
      "onnx_files.cut(sys.argv[2], [sys.argv[3]], sys.argv[4])"
TIME = re.compile(r"^forward ([\d.]+) s, with gradient ([\d.]+) s$", re.M)
PEAK = re.compile(r"peak ([\d.]+) MiB")


class Row:
    """One network at one size: its files, and what every engine took."""

    def __init__(self, name, size, threads, folder):
        self.name, self.size, self.threads = name, size, threads
        self.file, self.target = NETWORKS[name]
        self.folder = Path(folder)
        self.cut = self.path("cut.onnx")
        self.times, self.peaks = {}, {}

    def path(self, name):
        return str(self.folder / name)

    def prepare(self):
        run([sys.executable, "-c", CUT, str(HERE.parent / "oracle"), str(self.file), self.target,
             self.cut])
        random = np.random.default_rng(1)
        image = random.normal(size=(1, 3, self.size, self.size)).astype(np.float32)
        np.save(self.path("x.npy"), image)
        run(self.ours(1))
        shape = np.load(self.path("ours-forward.npy")).shape
        np.save(self.path("seed.npy"), random.normal(size=shape).astype(np.float32))

    def ours(self, rounds, gradient=False):
        command = [str(BUILD / "weights/somnium-net"), str(self.file), "--run", self.path("x.npy"),
                   "--target", self.target, "--output", self.path("ours-forward.npy"),
                   "--threads", str(self.threads), "--repeat", str(rounds)]
        if gradient:
            command += ["--gradient-seed", self.path("seed.npy"),
                        "--gradient", self.path("ours-forward+gradient.npy")]
        return command

    def peer(self, engine):
        if engine == "onnxruntime":
            return [sys.executable, str(HERE / "peer_onnxruntime.py"), self.cut,
                    self.path("x.npy"), self.target, str(self.threads), str(ROUNDS),
                    self.path("onnxruntime-forward.npy")]
        layout = engine.split()[1]
        return [sys.executable, str(HERE / "peer_torch.py"), self.cut, self.path("x.npy"),
                self.target, self.path("seed.npy"), layout, str(self.threads), str(ROUNDS),
                self.path(f"{engine}-forward.npy"), self.path(f"{engine}-forward+gradient.npy")]

    def add(self, engine, what, seconds, peak):
        self.times.setdefault((engine, what), []).extend(seconds)
        self.peaks[engine, what] = max(peak, self.peaks.get((engine, what), 0))

    def turn(self):
        for what in WHAT:
            text = run(self.ours(ROUNDS, what != "forward")).stderr
            seconds = [float(pair[what != "forward"]) for pair in TIME.findall(text)]
            self.add("ours", what, seconds[1:], float(PEAK.search(text).group(1)))
        for engine in ("onnxruntime", "PyTorch NCHW", "PyTorch NHWC"):
            result = json.loads(run(self.peer(engine)).stdout.splitlines()[-1])
            for what, seconds in result["times"].items():
                self.add(engine, what, seconds[1:], result["peak_mib"])

    def error(self, engine, what):
        ours = np.load(self.path(f"ours-{what}.npy"))
        theirs = np.load(self.path(f"{engine}-{what}.npy"))
        return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))

    def results(self):
        for what in WHAT:
            ours = statistics.median(self.times["ours", what])
            medians = {engine: statistics.median(seconds)
                       for (engine, kind), seconds in self.times.items()
                       if kind == what and engine != "ours"}
            torch = min((name for name in medians if name.startswith("PyTorch")), key=medians.get)
            for engine in [name for name in ("onnxruntime", torch) if name in medians]:
                yield {
                    "name": f"{self.name} {self.target}", "size_px": self.size,
                    "threads": self.threads, "what": what, "ours_s": ours, "peer": engine,
                    "peer_s": medians[engine], "ratio": medians[engine] / ours,
                    "ours_peak_mib": self.peaks["ours", what],
                    "peer_peak_mib": self.peaks[engine, what],
                    "error": self.error(engine, what),
                }


def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=True)


def print_result(result):
    good = result["error"] <= LIMIT[result["what"]]
    print(f"{result['name']:24} {result['size_px']:5} px {result['threads']} threads  "
          f"{result['what']:17} ours {result['ours_s']:7.3f} s {result['ours_peak_mib']:6.0f} MiB  "
          f"{result['peer']:13} {result['peer_s']:7.3f} s {result['peer_peak_mib']:6.0f} MiB  "
          f"{result['ratio']:5.2f} times as fast  error {result['error']:.1e}"
          f"{'' if good else '  FAILED: the results differ'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description="Benchmarks beside PyTorch and onnxruntime.")
    parser.add_argument("names", nargs="*", help="networks; all if none is named")
    names = parser.parse_args().names or list(NETWORKS)
    unknown = [name for name in names if name not in NETWORKS]
    if unknown:
        raise SystemExit(f"bench: there is no row {unknown[0]}; there are {', '.join(NETWORKS)}.")
    results, good = [], True
    for name in names:
        if not NETWORKS[name][0].exists():
            print(f"{name}: left out, its file is in ../shared, which is not here")
            continue
        for size in (256, 512):
            with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
                row = Row(name, size, os.cpu_count(), folder)
                row.prepare()
                for _ in range(TURNS):
                    row.turn()
                for result in row.results():
                    good = print_result(result) and good
                    results.append(result)
    (BUILD / "bench.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
