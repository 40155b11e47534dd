# SPDX-License-Identifier: GPL-3.0-or-later
"""The two that are held against each other, behind calls with arrays: our engine (through the
command-line runner somnium-net) and onnxruntime (through ort_worker.py)."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from common import RUNNER, THREADS


class Engine:
    """Somnium's engine on one network file."""

    def __init__(self, path):
        self.path = path

    def call(self, arguments):
        command = [str(RUNNER), str(self.path), *arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise RuntimeError(f"somnium-net ended with status {run.returncode}: {run.stderr}")

    def run(self, image, targets, threads=THREADS):
        """The activations of the targets."""
        with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
            arguments = ["--run", save(folder, "input", image), "--threads", str(threads)]
            outputs = [f"{folder}/{i}.npy" for i in range(len(targets))]
            for target, output in zip(targets, outputs):
                arguments += ["--target", target, "--output", output]
            self.call(arguments)
            return [np.load(output) for output in outputs]

    def gradient(self, image, target, seed, threads=THREADS):
        """The activation of the target, and the gradient to the input for a seed."""
        with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
            arguments = ["--run", save(folder, "input", image), "--threads", str(threads)]
            arguments += ["--target", target, "--output", f"{folder}/activation.npy"]
            arguments += ["--gradient-seed", save(folder, "seed", seed)]
            arguments += ["--gradient", f"{folder}/gradient.npy"]
            self.call(arguments)
            return np.load(f"{folder}/activation.npy"), np.load(f"{folder}/gradient.npy")


class OnnxRuntime:
    """The worker process."""

    def __init__(self):
        worker = Path(__file__).with_name("ort_worker.py")
        self.worker = subprocess.Popen(
            [sys.executable, str(worker), str(THREADS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.worker.stdin.close()
        self.worker.wait()

    def run(self, path, image, targets):
        """The tensors named in targets, which must be outputs of the file."""
        with tempfile.TemporaryDirectory(prefix="somnium-") as folder:
            outputs = {name: f"{folder}/{i}.npy" for i, name in enumerate(targets)}
            job = {"model": str(path), "input": save(folder, "input", image), "outputs": outputs}
            print(json.dumps(job), file=self.worker.stdin, flush=True)
            answer = self.worker.stdout.readline().strip()
            if answer != "done":
                raise RuntimeError(f"onnxruntime: {answer or 'the worker ended'}")
            return [np.load(outputs[name]) for name in targets]


def save(folder, name, array):
    path = f"{folder}/{name}.npy"
    np.save(path, np.ascontiguousarray(array, dtype="<f4"))
    return path
