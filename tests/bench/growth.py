# SPDX-License-Identifier: GPL-3.0-or-later
"""How time and memory grow with the picture, from 0.25 to 24 megapixels, with all threads: seconds a
pixel, relative to 1 megapixel, and peak resident memory, for the workloads below.
"""

import os
import statistics
import tempfile
from typing import NamedTuple

from engines import FORWARD, GRADIENT, Case, ours_once

MEGAPIXELS = (1, 0.25, 4, 12, 24)  # 1 first, the others are relative to it
ASPECT = 1.5
ROUNDS = 4  # the first warms up
SHARE = 0.7  # of the memory available


class Workload(NamedTuple):
    network: str
    what: str


WORKLOADS = {
    "dream": Workload("somnium-base", GRADIENT),
    "fast-style": Workload("candy", FORWARD),
}


def available_mib():
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if "MemAvailable" in line)


def sides(megapixels):
    """Height and width, multiples of 4, which the style networks want."""
    width = (megapixels * 1e6 * ASPECT) ** 0.5
    return round(width / ASPECT / 4) * 4, round(width / 4) * 4


def measure(network, workload, megapixels, folder):
    case = Case(network, *sides(megapixels), os.cpu_count(), folder)
    if workload.what == GRADIENT:
        case.make_seed()
    run = ours_once(case, workload.what, ROUNDS)
    return case, statistics.median(run["seconds"][1:]), run["peak_mib"]


def result(name, workload, megapixels, case, seconds, peak_mib, relative):
    print(f"growth/{name:12} {megapixels:5} megapixels  {workload.what:17} {seconds:8.3f} s  "
          f"{relative:4.2f} times as long a pixel as at 1  {peak_mib:7.0f} MiB", flush=True)
    return {"name": f"growth/{name}", "size_px": case.width, "threads": case.threads,
            "what": workload.what, "ours_s": seconds, "peer": None, "peer_s": None, "ratio": None,
            "ours_peak_mib": peak_mib, "peer_peak_mib": None, "megapixels": megapixels,
            "relative": relative}


def grow(name, network):
    """Yields a workload's results, as far as this machine's memory goes."""
    workload, a_pixel, mib_a_megapixel = WORKLOADS[name], None, 0
    for megapixels in MEGAPIXELS:
        needed = mib_a_megapixel * megapixels
        if needed > SHARE * available_mib():
            print(f"growth/{name:12} {megapixels:5} megapixels  left out: it would take about "
                  f"{needed:.0f} MiB, of {available_mib():.0f} available", flush=True)
            continue
        with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
            case, seconds, peak_mib = measure(network, workload, megapixels, folder)
        pixels = case.width * case.height
        a_pixel = a_pixel or seconds / pixels
        mib_a_megapixel = peak_mib / megapixels
        yield result(name, workload, megapixels, case, seconds, peak_mib,
                     seconds / pixels / a_pixel)
