# SPDX-License-Identifier: GPL-3.0-or-later
"""How time and memory grow with the picture, from 0.25 to 24 megapixels, with all threads: seconds a
pixel, relative to 1 megapixel, and peak resident memory, for the workloads below.
"""

import os
import statistics
import tempfile
from typing import NamedTuple

from engines import FORWARD, GRADIENT, Case, ours_once

MEGAPIXELS = (0.25, 4, 12, 24)  # and 1, which the others are relative to
ASPECT = 1.5
ROUNDS = 3
COLD_S = 5  # a first round that takes longer needs none before it to warm up
SHARE = 0.7  # of the memory available


class Workload(NamedTuple):
    network: str
    what: str
    options: tuple = ()  # more arguments for somnium-net


WORKLOADS = {
    "dream": Workload("somnium-base", GRADIENT),
    "vgg19": Workload("vgg19", GRADIENT),
    "fast-style": Workload("candy", FORWARD),
}


def available_mib():
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if "MemAvailable" in line)


def sides(megapixels):
    """Height and width, multiples of 4, which the style networks want."""
    width = (megapixels * 1e6 * ASPECT) ** 0.5
    return round(width / ASPECT / 4) * 4, round(width / 4) * 4


def case_of(network, workload, megapixels, folder):
    case = Case(network, *sides(megapixels), os.cpu_count(), folder, workload.options)
    if workload.what == GRADIENT:
        case.make_seed()
    return case


def measure(case, workload, guess_s):
    """Median seconds a pixel, and the peak."""
    warm_ups = 0 if guess_s > COLD_S else 1
    run = ours_once(case, workload.what, ROUNDS + warm_ups)
    return statistics.median(run["seconds"][warm_ups:]) / case.pixels(), run["peak_mib"]


def result(name, megapixels, case, a_pixel_s, peak_mib, relative):
    what, seconds = WORKLOADS[name].what, a_pixel_s * case.pixels()
    print(f"growth/{name:12} {megapixels:5} megapixels  {what:17} {seconds:8.3f} s  "
          f"{relative:4.2f} times as long a pixel as at 1  {peak_mib:7.0f} MiB", flush=True)
    return {"name": f"growth/{name}", "size_px": case.width, "threads": case.threads,
            "what": what, "ours_s": seconds, "peer": None, "peer_s": None, "ratio": None,
            "ours_peak_mib": peak_mib, "peer_peak_mib": None, "megapixels": megapixels,
            "relative": relative}


def fits(name, megapixels, mib):
    if mib <= SHARE * available_mib():
        return True
    print(f"growth/{name:12} {megapixels:5} megapixels  left out: it would take about {mib:.0f} MiB, "
          f"of {available_mib():.0f} available", flush=True)
    return False


def grow(name, network):
    """Yields a workload's results, as far as this machine's memory goes. The megapixel is measured
    before and after every other size, since other things run on the machine too."""
    workload = WORKLOADS[name]
    with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
        one = case_of(network, workload, 1, folder)
        before_s, peak_mib = measure(one, workload, 0)
        yield result(name, 1, one, before_s, peak_mib, 1.0)
        mib = peak_mib
        for megapixels in MEGAPIXELS:
            if not fits(name, megapixels, mib * megapixels):
                continue
            with tempfile.TemporaryDirectory(prefix="somnium-") as other:
                case = case_of(network, workload, megapixels, other)
                a_pixel_s, peak_mib = measure(case, workload, before_s * case.pixels())
                after_s, _ = measure(one, workload, 0)
                relative = 2 * a_pixel_s / (before_s + after_s)
                yield result(name, megapixels, case, a_pixel_s, peak_mib, relative)
            before_s = after_s
            if megapixels > 1:
                mib = peak_mib / megapixels
