# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs networks with onnxruntime in a process of its own: Debian's shares libonnx with PyTorch and
the onnx package, and complains about every operator that is registered twice.

Reads jobs from standard input, a line of JSON each: {"model": PATH, "input": NPY, "outputs":
{NAME: NPY}}, and answers each with a line: "done", or what went wrong.
"""

import json
import sys

import numpy as np
import onnxruntime

SESSIONS = 2  # networks kept open


def open_session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def work(job, sessions, threads):
    path = job["model"]
    if path not in sessions:
        while len(sessions) >= SESSIONS:
            sessions.pop(next(iter(sessions)))
        sessions[path] = open_session(path, threads)
    names = list(job["outputs"])
    feed = {sessions[path].get_inputs()[0].name: np.load(job["input"])}
    for name, array in zip(names, sessions[path].run(names, feed)):
        np.save(job["outputs"][name], array)


def main():
    sessions = {}
    for line in sys.stdin:
        try:
            work(json.loads(line), sessions, int(sys.argv[1]))
            answer = "done"
        except Exception as error:  # the other process reports it
            answer = " ".join(str(error).split())
        print(answer, flush=True)


if __name__ == "__main__":
    main()
