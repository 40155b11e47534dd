#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times onnxruntime's forward pass, as a process of its own. Prints a line of JSON like
peer_torch.py.

peer_onnxruntime.py FILE INPUT.npy TARGET THREADS ROUNDS OUTPUT.npy
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))
from ort_worker import open_session  # noqa: E402


def main():
    path, input_path, target, threads, rounds, output_path = sys.argv[1:]
    session = open_session(path, int(threads))
    feed = {session.get_inputs()[0].name: np.load(input_path)}
    times = []
    for _ in range(int(rounds)):
        start = time.perf_counter()
        output, = session.run([target], feed)
        times.append(time.perf_counter() - start)
    np.save(output_path, output)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"times": {"forward": times}, "peak_mib": peak}))


if __name__ == "__main__":
    main()
