#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark behind `./dev bench [NAME...]`: our time and memory beside PyTorch's (the better of
its two memory formats), onnxruntime's and darknet's, for the forward pass and for forward and
gradient to the input.

A row is a network at a size with a number of threads, like "vgg19/512/2"; a NAME is the beginning
of one, or a pattern. "kernels" is the convolution kernels beside OpenBLAS's own speed, "growth" how
our time and memory grow with the picture, "style" style transfer beside PyTorch's optimiser
(style.py), "occlusion" a whole occlusion map beside Captum's way of making one (occlusion.py). The engines are processes with the same input and threads
(engines.py); they take turns, and medians over all turns count. A row whose answers differ fails.
"ratio" says how many times as fast as the peer we are. Seconds mean little on a busy machine, and
under a load (which stands beside every row) well above the number of threads, ratios do so too.
What was measured is in build/bench.json after every row; a peak that is not measured is null there.
"""

import argparse
import fnmatch
import json
import math
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from engines import (BUILD, ENGINES, FORWARD, GRADIENT, HERE, Case, EngineError, Network,
                     build_darknet_peer, engines_for, launch)
from growth import WORKLOADS, grow

SOURCE = HERE.parents[1]
SHARED = SOURCE.parent / "shared" / "networks"
RESULTS = BUILD / "bench.json"
FILES = {  # name: file, target
    "somnium-vgg12": (SOURCE / "weights/networks/somnium-vgg12.onnx", "relu5_1"),
    "tiny-darknet": (SHARED / "tiny-darknet.onnx", "logits"),
    "candy": (SHARED / "fast-style-candy.onnx", "deconv3"),
}
STYLE_NETWORK = SHARED / "vgg19-relu3_4.onnx"
MADE = ("vgg19", "vgg16", "googlenet", "resnet50", "resnext50", "squeezenet",
        "mobilenet")  # networks.py
NETWORKS = ("somnium-vgg12", "tiny-darknet", *MADE)
SIZES = (256, 512, 1024)
TURNS = 3
# All engines' first rounds that are not counted, one at least, take us so long. In the first one the
# system finds the memory, which on a virtual machine can take longer than the work in it; and
# OpenBLAS, which we have in the process, keeps a processor busy for its first tenth of a second,
# waiting for work that never comes.
WARM_S = 0.25
TURN_S = 0.2  # rounds in a turn: as many as take us this long forward
MOST_ROUNDS = 5
WORSE = 1.15  # the other memory format, so much slower at everything, takes one turn only
# Relative to the norm. A tie in ReLU or max-pool, broken the other way, moves single gradients by
# far more than rounding does (PyTorch's own two formats differ by 5e-3 in VGG-19's at 512 px);
# tests/oracle proves that nothing else does.
LIMIT = {FORWARD: 1e-4, GRADIENT: 2e-2}
OCCLUSION_LIMIT = 1e-3  # of the map's highest value


def open_network(name, folder):
    """A network, made if it is one with random weights, or None where its file is not here."""
    path, target = FILES.get(name, (Path(folder) / "network.onnx", "output"))
    if name in MADE:
        launch([sys.executable, "-W", "ignore", HERE / "networks.py", name, path])
    return Network(path, target, folder) if path.exists() else None


class Row:
    """One network at one size with some threads: what every engine took in every turn."""

    def __init__(self, row, case):
        self.name, self.size, self.threads = row
        self.case = case
        self.engines = engines_for(self.name, self.threads)
        self.seconds, self.peaks = {}, {}
        self.counted = 1

    def measure(self):
        rough_s = self.case.make_seed()
        self.counted = min(max(round(TURN_S / rough_s), 1), MOST_ROUNDS)
        rounds = self.counted + math.ceil(WARM_S / rough_s)
        for _ in range(TURNS):
            for engine in self.engines:
                self.take(engine, ENGINES[engine](self.case, rounds))
            self.drop_worse_format()

    def take(self, engine, runs):
        for what, run in runs.items():
            self.seconds.setdefault((engine, what), []).extend(run["seconds"][-self.counted:])
            self.peaks.setdefault((engine, what), []).append(run["peak_mib"])

    def median(self, engine, what):
        return statistics.median(self.seconds[engine, what])

    def drop_worse_format(self):
        formats = [engine for engine in self.engines if engine.startswith("PyTorch")]
        for worse, better in (formats, formats[::-1]) if len(formats) == 2 else ():
            if all(self.median(worse, what) > WORSE * self.median(better, what) for what in LIMIT):
                self.engines.remove(worse)

    def peers(self, what):
        """The others that did this, of PyTorch's formats the better one."""
        others = [engine for engine, done in self.seconds if done == what and engine != "ours"]
        formats = [engine for engine in others if engine.startswith("PyTorch")]
        best = min(formats, key=lambda engine: self.median(engine, what))
        return [engine for engine in others if engine not in formats or engine == best]

    def results(self):
        for what in LIMIT:
            ours_s = self.median("ours", what)
            for peer in self.peers(what):
                peer_s, error = self.median(peer, what), self.case.difference(peer, what)
                yield {
                    "name": self.name, "size_px": self.size, "threads": self.threads, "what": what,
                    "ours_s": ours_s, "peer": peer, "peer_s": peer_s, "ratio": peer_s / ours_s,
                    "ours_peak_mib": statistics.median(self.peaks["ours", what]),
                    "peer_peak_mib": statistics.median(self.peaks[peer, what]),
                    "error": error, "agrees": error <= LIMIT[what],
                    "samples": len(self.seconds["ours", what]), "load": os.getloadavg()[0],
                }


def print_result(result):
    print(f"{result['name']:14} {result['size_px']:5} px {result['threads']} threads  "
          f"{result['what']:17} ours {result['ours_s']:7.3f} s {result['ours_peak_mib']:6.0f} MiB  "
          f"{result['peer']:13} {result['peer_s']:7.3f} s {result['peer_peak_mib']:6.0f} MiB  "
          f"{result['ratio']:5.2f} times as fast  error {result['error']:.1e}"
          f"{'' if result['agrees'] else '  FAILED: the answers differ'}", flush=True)


def print_style(result):
    print(f"style {result['size_px']} px {result['threads']} threads  loss {result['goal']:.4f} "
          f"after ours {result['ours_s']:.1f} s, {result['peer']} {result['peer_s']:.1f} s: "
          f"{result['ratio']:.2f} times as fast  last loss {result['loss_ratio']:.4f} of theirs",
          flush=True)


def print_occlusion(result):
    print(f"occlusion {result['size_px']} px {result['threads']} threads  ours {result['ours_s']:.1f} s, "
          f"{result['peer']} {result['peer_s']:.1f} s: {result['ratio']:.2f} times as fast  "
          f"error {result['error']:.1e}{'  FAILED' if result['error'] > OCCLUSION_LIMIT else ''}",
          flush=True)


class Bench:
    """What is chosen, and what came of it."""

    def __init__(self, chosen):
        self.chosen, self.results, self.failed = chosen, [], False
        self.start, self.begun = time.monotonic(), 0

    def say(self, text):
        self.begun += 1
        minutes = (time.monotonic() - self.start) / 60
        print(f"[{self.begun} of {len(self.chosen)}, {minutes:.1f} minutes, "
              f"load {os.getloadavg()[0]:.1f}] {text}", file=sys.stderr, flush=True)

    def keep(self, results):
        """Whole or not at all, so that an interrupted benchmark leaves what it had."""
        self.results += results
        new = RESULTS.with_suffix(".new")
        new.write_text(json.dumps(self.results, indent=1) + "\n", encoding="utf-8")
        new.replace(RESULTS)

    def attempt(self, work, *arguments):
        """A row that cannot be measured fails; the others go on."""
        try:
            work(*arguments)
        except EngineError as error:
            print(f"FAILED: {error}", flush=True)
            self.failed = True

    def row(self, row, network):
        with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
            measured = Row(row, Case(network, row[1], row[1], row[2], folder))
            measured.measure()
            results = list(measured.results())
        for result in results:
            print_result(result)
        self.failed |= not all(result["agrees"] for result in results)
        self.keep(results)

    def with_network(self, name, work, *arguments):
        with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
            network = open_network(name, folder)
            if network is not None:
                work(network, *arguments)
            else:
                print(f"{name}: left out, its file is in ../shared, which is not here", flush=True)

    def rows(self, network, rows):
        network.lower()
        for row in rows:
            self.say("/".join(map(str, row)))
            self.attempt(self.row, row, network)

    def growth(self, network, name):
        self.say(f"growth/{name}")
        for result in grow(name, network):
            self.keep([result])

    def kernels(self):
        self.say("kernels")
        print(launch([BUILD / "tests/bench/kernels"]).stdout, end="", flush=True)

    def style(self):
        self.say("style")
        if not STYLE_NETWORK.exists():
            print("style: left out, its network is in ../shared, which is not here", flush=True)
            return
        result = json.loads(launch([sys.executable, HERE / "style.py"]).stdout)
        print_style(result)
        self.keep([result])

    def occlusion(self):
        self.say("occlusion")
        result = json.loads(launch([sys.executable, "-W", "ignore", HERE / "occlusion.py"]).stdout)
        print_occlusion(result)
        self.failed |= result["error"] > OCCLUSION_LIMIT
        self.keep([result])

    def run(self):
        self.keep([])
        if ("kernels",) in self.chosen:
            self.attempt(self.kernels)
        if any(row[0] == "tiny-darknet" for row in self.chosen):
            self.attempt(build_darknet_peer)
        for name in NETWORKS:
            rows = [row for row in self.chosen if row[0] == name]
            if rows:
                self.attempt(self.with_network, name, self.rows, rows)
        for row in self.chosen:
            if row[0] == "growth":
                network = WORKLOADS[row[1]].network
                self.attempt(self.with_network, network, self.growth, row[1])
        if ("style",) in self.chosen:
            self.attempt(self.style)
        if ("occlusion",) in self.chosen:
            self.attempt(self.occlusion)


def all_rows():
    threads = sorted({1, os.cpu_count()}, reverse=True)
    rows = [(name, size, count) for name in NETWORKS for size in SIZES for count in threads]
    return [("kernels",), *rows, *(("growth", name) for name in WORKLOADS), ("style",),
            ("occlusion",)]


def chosen_rows(names):
    rows = {"/".join(map(str, row)): row for row in all_rows()}
    chosen = set() if names else set(rows)
    for name in names:
        matching = [path for path in rows if fnmatch.fnmatch(f"{path}/", f"{name}/*")]
        if not matching:
            raise SystemExit(f"bench: there is no row {name}; there are kernels, growth, style, "
                             f"occlusion, "
                             f"{', '.join(NETWORKS)}, and parts of these, like "
                             f"{list(rows)[1]} or growth/{list(WORKLOADS)[0]}.")
        chosen.update(matching)
    return [row for path, row in rows.items() if path in chosen]


def main():
    parser = argparse.ArgumentParser(description="Benchmarks beside other engines.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows; all if none is named")
    bench = Bench(chosen_rows(parser.parse_args().names))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        bench.run()
    except KeyboardInterrupt:
        raise SystemExit(f"bench: interrupted; {RESULTS} has what was measured.") from None
    raise SystemExit(bench.failed)


if __name__ == "__main__":
    main()
