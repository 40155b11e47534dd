#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark behind `./dev bench [NAME...]`: our time and memory beside PyTorch's (the better
of its two memory formats) and onnxruntime's, for the forward pass and for forward and gradient to
the input.

A row is a network at a size with a number of threads, like "vgg19/512/2"; a NAME is the beginning
of one, or a pattern. Every engine is a process of its own with the same file, input and number of
threads; they take turns, and the medians over all turns count. A row whose results differ fails.
The ratios say how many times faster than the peer we are; absolute times mean little on a busy
machine. A copy goes to build/bench.json. "kernels" runs the benchmark of the convolution kernels
beside OpenBLAS's own speed, "growth" shows how our time and memory grow with the picture.
"""

import argparse
import fnmatch
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
ENGINE = BUILD / "weights" / "somnium-net"
FILES = {  # name: file, target
    "somnium-base": (SOURCE / "weights/networks/somnium-base.onnx", "relu5_1"),
    "tiny-darknet": (SHARED / "tiny-darknet.onnx", "leaky9"),
    "vgg19-relu3_4": (SHARED / "vgg19-relu3_4.onnx", "relu3_4"),
}
MADE = ("vgg19", "vgg16", "googlenet", "resnet50", "squeezenet", "mobilenet")  # networks.py
SIZES = (256, 512, 1024)
WHAT = ("forward", "forward+gradient")
PEERS = ("onnxruntime", "PyTorch NCHW", "PyTorch NHWC")
TURNS = 3
ROUNDS = 3  # in a turn; the first warms up
MEGAPIXELS = (0.25, 1, 4, 12, 24)
# Relative to the norm. A tie in ReLU or max-pool, broken the other way, moves single gradients by
# far more than rounding does; tests/oracle proves that nothing else does.
LIMIT = {"forward": 1e-4, "forward+gradient": 2e-2}
CUT = "import sys; sys.path.insert(0, sys.argv[1]); import onnx_files; " \
      "onnx_files.cut(sys.argv[2], [sys.argv[3]], sys.argv[4])"
TIME = re.compile(r"^forward ([\d.]+) s, with gradient ([\d.]+) s$", re.M)
PEAK = re.compile(r"peak ([\d.]+) MiB")


def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=True)


class Files:
    """The networks' files, made when they are first wanted."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def get(self, name):
        """The file and the layer to run, or None where the file is not here."""
        if name not in MADE:
            return FILES[name] if FILES[name][0].exists() else None
        path = self.folder / f"{name}.onnx"
        if not path.exists():
            run([sys.executable, "-W", "ignore", str(HERE / "networks.py"), name, str(path)])
        return path, "output"


class Row:
    """One network at one size with some threads: its files, and what every engine took."""

    def __init__(self, row, files, folder):
        self.name, self.size, self.threads = row
        self.file, self.target = files.get(self.name)
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
        command = [str(ENGINE), str(self.file), "--run", self.path("x.npy"),
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
        for engine in PEERS:
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
                    "name": self.name, "size_px": self.size,
                    "threads": self.threads, "what": what, "ours_s": ours, "peer": engine,
                    "peer_s": medians[engine], "ratio": medians[engine] / ours,
                    "ours_peak_mib": self.peaks["ours", what],
                    "peer_peak_mib": self.peaks[engine, what],
                    "error": self.error(engine, what),
                }


def print_result(result):
    good = result["error"] <= LIMIT[result["what"]]
    print(f"{result['name']:14} {result['size_px']:5} px {result['threads']} threads  "
          f"{result['what']:17} ours {result['ours_s']:7.3f} s {result['ours_peak_mib']:6.0f} MiB  "
          f"{result['peer']:13} {result['peer_s']:7.3f} s {result['peer_peak_mib']:6.0f} MiB  "
          f"{result['ratio']:5.2f} times as fast  error {result['error']:.1e}"
          f"{'' if good else '  FAILED: the results differ'}", flush=True)
    return good


def all_rows():
    threads = sorted({1, os.cpu_count()}, reverse=True)
    return [(name, size, count) for name in (*FILES, *MADE) for size in SIZES for count in threads]


def chosen_rows(names):
    def matches(row):
        path = "/".join(map(str, row))
        return not names or any(fnmatch.fnmatch(f"{path}/", f"{name}/*") for name in names)
    return [row for row in all_rows() if matches(row)]


def bench_rows(rows, results):
    good = True
    with tempfile.TemporaryDirectory(prefix="somnium-") as made:
        files = Files(made)
        for row in rows:
            if files.get(row[0]) is None:
                print(f"{row[0]}: left out, its file is in ../shared, which is not here")
                continue
            with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
                bench = Row(row, files, folder)
                bench.prepare()
                for _ in range(TURNS):
                    bench.turn()
                for result in bench.results():
                    good = print_result(result) and good
                    results.append(result)
    return good


def bench_growth():
    """Time and memory of the bundled network's gradient, a megapixel."""
    path, target = FILES["somnium-base"]
    first = None
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        image, output, seed = (f"{folder}/{name}.npy" for name in ("x", "y", "seed"))
        for megapixels in MEGAPIXELS:
            width = round((megapixels * 1.5e6) ** 0.5)
            height = round(width / 1.5)
            random = np.random.default_rng(1)
            np.save(image, random.normal(size=(1, 3, height, width)).astype(np.float32))
            command = [str(ENGINE), str(path), "--run", image, "--target", target, "--output"]
            run([*command, output])
            np.save(seed, random.normal(size=np.load(output).shape).astype(np.float32))
            text = run([*command, output, "--gradient-seed", seed, "--gradient",
                        f"{folder}/g.npy", "--repeat", "3"]).stderr
            seconds = min(float(pair[1]) for pair in TIME.findall(text)) / megapixels
            first = first or seconds
            print(f"growth {megapixels:5} megapixels {seconds:7.3f} s a megapixel "
                  f"({seconds / first:4.2f} of the smallest's), peak "
                  f"{float(PEAK.search(text).group(1)) / megapixels:7.1f} MiB a megapixel",
                  flush=True)


def main():
    parser = argparse.ArgumentParser(description="Benchmarks beside PyTorch and onnxruntime.")
    parser.add_argument("names", nargs="*", help="rows; all if none is named")
    names = parser.parse_args().names
    rows = chosen_rows([name for name in names if name not in ("kernels", "growth")])
    if names and set(names) <= {"kernels", "growth"}:
        rows = []
    elif not rows:
        raise SystemExit(f"bench: there is no row {names[0]}; there are kernels, growth, "
                         f"{', '.join((*FILES, *MADE))}, and these with /SIZE/THREADS.")
    results = []
    if not names or "kernels" in names:
        subprocess.run([str(BUILD / "tests/bench/kernels")], check=True)
    good = bench_rows(rows, results)
    if not names or "growth" in names:
        bench_growth()
    (BUILD / "bench.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
