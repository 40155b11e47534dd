#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the fuzzers of this folder, and keeps their corpus small. `./dev fuzz` calls it.

fuzz.py run --minutes N BUILD [TARGET...]: each target for N minutes of processor time, starting from its corpus here,
from what earlier runs learnt (BUILD/learnt-TARGET) and, for networks, from ONNX's conformance cases
and the small networks of networks.c. A finding is left in BUILD/findings and ends with status 1.

fuzz.py merge BUILD [TARGET...]: replaces corpus-TARGET by the fewest files that reach what all of
these reach. Files named found-* once broke something; they stay.
"""

import argparse
import hashlib
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
TARGETS = ("reader", "run", "describe", "npy", "ini")
ONNX_TARGETS = ("reader", "run", "describe")
CASES = Path("/usr/share/libonnx-testdata/data")
KEPT = "found-"
MAX_LEN = 4096  # bytes of an input: enough for a network of a few layers
TIMEOUT_S = 120  # of the clock, for what never ends; fuzzer.c limits the processor's time
MAX_MEMORY_MB = 128  # of one allocation; more fails, as on a small machine
GRAPH, INITIALIZER = 7, 5  # field numbers: of a model, of a graph


def varint(number):
    """Protobuf's encoding of a number."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def message(field, contents):
    """A length-delimited field of a message."""
    return varint(field << 3 | 2) + varint(len(contents)) + contents


def with_constants(model, inputs):
    """A model whose first input stays and whose others become initialisers: messages that come
    twice are merged, so the graph's new part is simply appended."""
    graph = b"".join(message(INITIALIZER, tensor) for tensor in inputs)
    return model + message(GRAPH, graph)


def write_conformance_seeds(folder):
    """Each small conformance case, as it is and with its weights inside."""
    for model in sorted(CASES.glob("*/*/model.onnx")):
        data = model.read_bytes()
        tensors = [path.read_bytes() for path in sorted(model.parent.glob("test_data_set_0/input_[1-9].pb"))]
        for seed in (data, with_constants(data, tensors)):
            if len(seed) <= MAX_LEN:
                (folder / hashlib.sha256(seed).hexdigest()[:12]).write_bytes(seed)


def npy_seed():
    """A small array as numpy.save() writes it."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<6f", *range(6))


INI_SEED = b"""[network]
title=Small
role=classifier
channels=BGR
range=255
mean=103.9, 116.8, 123.7
std=1 1 1
multiple=4
labels=a cat\\na dog
layers.dream=relu1:0.5,sum
layers.class=logits
"""


def make_seeds(build, target):
    """The folder of what a target starts from beside its corpus; made once."""
    folder = build / f"seeds-{'onnx' if target in ONNX_TARGETS else target}"
    if folder.exists():
        return folder
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    if target in ONNX_TARGETS:
        write_conformance_seeds(new)
        subprocess.run([str(build / "tests/fuzz/make-seeds"), str(new)], check=True)
    else:
        (new / "seed").write_bytes(npy_seed() if target == "npy" else INI_SEED)
    new.rename(folder)
    return folder


def write_dictionary(build):
    """Every short word between quotes in the engine's operators and readers: names of operators,
    attributes, modes and keys."""
    words = set()
    for pattern in ("nncore/ops/*.c", "nncore/onnx/*.c", "weights/*.c"):
        for path in CHECKOUT.glob(pattern):
            words.update(re.findall(r'"([A-Za-z][A-Za-z0-9_.-]{1,30})"', path.read_text(encoding="utf-8")))
    path = build / "words.dict"
    path.write_text("".join(f'"{word}"\n' for word in sorted(words)), encoding="utf-8")
    return path


def environment():
    """Sanitizers that stop at the first fault, and memory that runs out early but never ends the process."""
    options = "allocator_may_return_null=1", f"max_allocation_size_mb={MAX_MEMORY_MB}", "detect_leaks=1", "intercept_strstr=0"
    return dict(
        os.environ,
        OPENBLAS_NUM_THREADS="1",
        G_SLICE="always-malloc",
        ASAN_OPTIONS=":".join(options),
        LSAN_OPTIONS=f"suppressions={CHECKOUT}/tests/dev/lsan.supp:print_suppressions=0",
        UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
    )


def sources(build, target):
    """The folders of inputs of a target, those to be written to first."""
    learnt = build / f"learnt-{target}"
    corpus = HERE / f"corpus-{target}"
    for folder in (learnt, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    return [str(learnt), str(corpus), str(make_seeds(build, target))]


def cpu_seconds():
    """Of all that was run so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def fuzz(build, target, minutes):
    """Whether a target got through its time without a finding: minutes of the processor's, since
    a busy machine gives less of it than of the clock's."""
    findings = build / "findings"
    findings.mkdir(exist_ok=True)
    command = [str(build / f"tests/fuzz/fuzz-{target}"), *sources(build, target)]
    command += [f"-max_len={MAX_LEN}", f"-timeout={TIMEOUT_S}", "-rss_limit_mb=2048", "-malloc_limit_mb=1024"]
    command += ["-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={findings}/{target}-"]
    command += [f"-dict={write_dictionary(build)}"] if target in ONNX_TARGETS else []
    start, seconds = cpu_seconds(), 60 * minutes
    while seconds > 0:
        if subprocess.run([*command, f"-max_total_time={int(seconds) + 5}"], env=environment(), check=False).returncode != 0:
            return False
        seconds = 60 * minutes - (cpu_seconds() - start)
    print(f"fuzz.py: {target}: {(cpu_seconds() - start) / 60:.1f} processor minutes without a finding", flush=True)
    return True


def merge(build, target):
    """The smallest corpus that reaches as much."""
    corpus = HERE / f"corpus-{target}"
    new = build / f"merged-{target}"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    command = [str(build / f"tests/fuzz/fuzz-{target}"), "-set_cover_merge=1", "-use_counters=0", f"-max_len={MAX_LEN}", f"-timeout={TIMEOUT_S}"]
    subprocess.run([*command, str(new), *sources(build, target)], env=environment(), check=True)
    for path in [path for path in corpus.iterdir() if not path.name.startswith(KEPT)]:
        path.unlink()
    for path in new.iterdir():
        data = path.read_bytes()
        (corpus / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
    size = sum(path.stat().st_size for path in corpus.iterdir())
    print(f"corpus-{target}: {len(list(corpus.iterdir()))} files, {size} bytes")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "merge"))
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("build", type=Path)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}.")
    failed = []
    for target in options.targets or TARGETS:
        print(f"fuzz.py: {options.action} {target}", flush=True)
        done = merge(options.build, target) if options.action == "merge" else fuzz(options.build, target, options.minutes)
        failed += [] if done else [target]
    if failed:
        print(f"Findings in {options.build}/findings: {', '.join(failed)}; the lines above say what.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
