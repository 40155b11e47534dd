#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times onnxruntime's forward pass, as a process of its own. Prints a line of JSON like
peer_torch.py.

peer_onnxruntime.py FILE INPUT.npy THREADS ROUNDS OUTPUT.npy
peer_onnxruntime.py FILE OPTIMISED    does its work on the graph once and for all, so that the
                                      other process never holds what that takes
"""

import json
import resource
import sys
import time

import numpy as np
import onnxruntime


def open_session(path, threads, optimised=None):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if optimised is not None:
        options.optimized_model_filepath = optimised
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main():
    if len(sys.argv) == 3:
        open_session(sys.argv[1], 1, optimised=sys.argv[2])
        return
    path, input_path, threads, rounds, output_path = sys.argv[1:]
    session = open_session(path, int(threads))
    feed = {session.get_inputs()[0].name: np.load(input_path)}
    seconds, output = [], None
    for _ in range(int(rounds)):
        output = None
        start = time.perf_counter()
        output, = session.run(None, feed)
        seconds.append(time.perf_counter() - start)
    np.save(output_path, output)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"forward": {"seconds": seconds, "peak_mib": peak}}))


if __name__ == "__main__":
    main()
