#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""somnium-net as a program: the table and its machine-readable twin on the small network, a run
that gives the numbers it should, and the sentence and status of everything that can go wrong.
Needs Python alone: .npy files are written and read by hand.
"""

import array
import os
import struct
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "checks"))
from tap import Tap, source_dir  # noqa: E402

NET = os.environ["SOMNIUM_NET"]
BASE = source_dir() / "tests" / "networks" / "somnium-base.onnx"
# layer: operator, shape at 64 x 48, receptive field, stride
LAYERS = {
    "conv1_1": ("Conv", "1x32x48x64", 3, 1),
    "pool1": ("MaxPool", "1x32x24x32", 6, 2),
    "relu2_2": ("Relu", "1x64x24x32", 14, 2),
    "relu3_2": ("Relu", "1x128x12x16", 32, 4),
    "relu4_2": ("Relu", "1x256x6x8", 68, 8),
    "relu5_1": ("Relu", "1x384x3x4", 108, 16),
}


def run(*arguments, locale="C.UTF-8"):
    """The finished process."""
    environment = dict(os.environ, LC_ALL=locale, LANGUAGE="")
    command = [NET, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def write_npy(path, shape, values, descr="<f4", fortran=False, code="f"):
    """Version 1, padded as NumPy does."""
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {tuple(shape)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    data = array.array(code, values).tobytes()
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def read_npy(path):
    """The elements."""
    data = path.read_bytes()
    values = array.array("f")
    values.frombytes(data[10 + struct.unpack("<H", data[8:10])[0]:])
    return values


def rows_of(text):
    """The lines of the tab-separated listing as dictionaries."""
    lines = [line.split("\t") for line in text.splitlines()]
    return [dict(zip(lines[0], line)) for line in lines[1:]]


def check_tsv(tap):
    result = run("--tsv", "--size", "64x48", BASE)
    rows = {row["layer"]: row for row in rows_of(result.stdout)}
    problems = [result.stderr] if result.stderr or result.returncode else []
    for name, (operator, shape, field, stride) in LAYERS.items():
        row = rows.get(name, {})
        expected = {"operator": operator, "shape": shape, "field_height": str(field),
                    "field_width": str(field), "stride_height": str(stride),
                    "stride_width": str(stride), "problem": ""}
        problems += [f"{name}: {key} is {row.get(key)}, not {value}"
                     for key, value in expected.items() if row.get(key) != value]
    products = 32 * 48 * 64 * 27
    if rows["conv1_1"]["operations"] != str(products) or rows["conv1_1"]["bytes"] != str(32 * 48 * 64 * 4):
        problems.append(f"conv1_1: {rows['conv1_1']}")
    if rows["prob"]["field_height"] != "all":
        problems.append(f"prob: {rows['prob']}")
    tap.case("the machine-readable listing", problems)


def check_table(tap):
    result = run("--size", "64x48", BASE)
    lines = result.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Layer"))
    table = lines[start:lines.index("", start)]
    problems = [result.stderr] if result.stderr or result.returncode else []
    for title in ("Field (px)", "Operations", "Memory"):  # flush right
        end = table[0].index(title) + len(title)
        problems += [f"“{line}” is not in its columns" for line in table
                     if line[end - 1:end + 1].strip() and line[end:end + 1].strip()]
    shape_at = {line.index(" 1 x ") for line in table if " 1 x " in line}
    if len(shape_at) != 1:
        problems.append(f"the shapes begin in the columns {sorted(shape_at)}")
    for text in ("classifier", "202", "mean 0.45 0.45 0.45", "CC0-1.0", "relu4_1", "multiply-adds",
                 "2.14 M", "for a run", "with gradient"):
        if text not in result.stdout:
            problems.append(f"“{text}” is missing")
    tap.case("the table", problems + (lines if problems else []))


def width(text):
    """Places on a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def check_names(tap, folder):
    """Wide characters keep the columns straight, and what would steer the terminal is not sent."""
    network = folder / "names.onnx"
    renamed = BASE.read_bytes().replace(b"relu1_1", "r中文".encode())
    network.write_bytes(renamed.replace(b"relu1_2", b"re\x1b[31m"))
    result = run(network)
    lines = [line for line in result.stdout.splitlines() if " 1 x " in line and "Input" not in line]
    begin = {width(line[:line.index(" 1 x ")]) for line in lines}
    problems = [] if len(begin) == 1 else [f"the shapes begin in the columns {sorted(begin)}"]
    if "r中文" not in result.stdout or "\x1b" in result.stdout or "re\ufffd[31m" not in result.stdout:
        problems.append(result.stdout)
    tap.case("strange names", problems)


def check_run(tap, folder):
    """A constant picture through conv1_1: the same number everywhere but at the border, whatever
    the number of threads; and the run by another name of the layer."""
    source = folder / "x.npy"
    write_npy(source, (1, 3, 9, 8), [0.25] * (3 * 9 * 8))
    outputs, problems = [], []
    for threads, target in ((1, "relu2_1"), (2, "relu2_1"), (2, "RELU2_1")):
        output = folder / f"y{len(outputs)}.npy"
        result = run("--run", source, "--target", target, "--output", output, "--threads", threads,
                     "--repeat", 2, BASE)
        outputs.append(read_npy(output).tobytes() if output.exists() else None)
        if result.returncode or result.stderr.count("forward ") != 2 or "plan " not in result.stderr:
            problems.append(result.stderr)
    if len(set(outputs)) != 1 or len(outputs[0] or b"") != 4 * 64 * 4 * 4:
        problems.append("the results differ, or have the wrong size")
    tap.case("a run", problems)


def check_gradient(tap, folder):
    """The gradient of a seed of zeros is zero; of ones it is not."""
    source, seed, gradient = folder / "x.npy", folder / "seed.npy", folder / "g.npy"
    write_npy(source, (1, 3, 8, 8), [i % 7 / 7 - 0.5 for i in range(192)])
    problems = []
    for value in (0, 1):
        write_npy(seed, (1, 32, 8, 8), [value] * 2048)
        result = run("--run", source, "--target", "relu1_1", "--gradient-seed", seed, "--gradient",
                     gradient, BASE)
        values = read_npy(gradient) if result.returncode == 0 else None
        if values is None or len(values) != 192 or any(values) != bool(value):
            problems.append(f"seed {value}: {result.stderr}")
    tap.case("a gradient", problems)


def check_budget(tap, folder):
    """Within a small memory budget the same numbers come from tiles; within none, a sentence."""
    source, seed = folder / "budget.npy", folder / "budget-seed.npy"
    write_npy(source, (1, 3, 224, 288), [i % 17 / 8 - 1 for i in range(3 * 224 * 288)])
    write_npy(seed, (1, 64, 112, 144), [i % 13 / 6 - 1 for i in range(64 * 112 * 144)])
    results, problems = [], []
    for megabytes in ("0", "10"):
        output, gradient = folder / f"{megabytes}.npy", folder / f"{megabytes}-gradient.npy"
        result = run("--run", source, "--target", "relu2_1", "--output", output, "--gradient-seed",
                     seed, "--gradient", gradient, "--repeat", "1", "--memory-mb", megabytes, BASE)
        tiled = "1 x 1 tiles" not in result.stderr
        if result.returncode or tiled != (megabytes == "10"):
            problems.append(result.stderr)
            break
        results.append((read_npy(output), read_npy(gradient)))
    for whole, tiled in zip(*results) if len(results) == 2 else ():
        apart = max(abs(a - b) for a, b in zip(whole, tiled)) / max(map(abs, whole))
        if apart > 1e-4:
            problems.append(f"differs by {apart}")
    result = run("--run", source, "--target", "relu2_1", "--memory-mb", "1", BASE)
    if result.returncode != 1 or "budget" not in result.stderr:
        problems.append(f"1 MiB: {result.returncode} {result.stderr}")
    tap.case("a memory budget", problems)


def field(number, value):
    """A field of a protobuf message: a varint below 128, or bytes."""
    if isinstance(value, int):
        return bytes([number << 3 if number < 16 else (number << 3 & 127) | 128,
                      *([] if number < 16 else [number >> 4]), value])
    value = value.encode() if isinstance(value, str) else value
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def argmax_network():
    """ArgMax over axis 1 of x (1 x 3 x 1 x 2), into a."""
    axis = field(1, "axis") + field(3, 1) + field(20, 2)
    node = field(1, "x") + field(2, "a") + field(4, "ArgMax") + field(5, axis)
    shape = b"".join(field(1, field(1, size)) for size in (1, 3, 1, 2))
    picture = field(1, "x") + field(2, field(1, field(1, 1) + field(2, shape)))
    graph = field(1, node) + field(2, "g") + field(11, picture) + field(12, field(1, "a"))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def check_integers(tap, folder):
    """A layer of integers is written as such."""
    (folder / "argmax.onnx").write_bytes(argmax_network())
    write_npy(folder / "in.npy", (1, 3, 1, 2), [1, 9, 5, 2, 3, 4])
    result = run("--run", folder / "in.npy", "--target", "a", "--output", folder / "out.npy",
                 folder / "argmax.onnx")
    data = (folder / "out.npy").read_bytes() if result.returncode == 0 else b""
    good = b"'descr': '<i8'" in data and data[-16:] == struct.pack("<2q", 1, 0)
    tap.case("a layer of integers", [] if good else [result.stderr, repr(data)])


def check_sentences(tap, folder):
    """What goes wrong ends with status 1 and a sentence on standard error that names it."""
    good, flat = folder / "good.npy", folder / "flat.npy"
    double, fortran, other = folder / "double.npy", folder / "fortran.npy", folder / "other.npy"
    grey = folder / "grey.npy"
    write_npy(good, (1, 3, 8, 8), [0] * 192)
    write_npy(flat, (3, 8, 8), [0] * 192)
    write_npy(grey, (1, 1, 8, 8), [0] * 64)
    write_npy(double, (1, 3, 8, 8), [0] * 192, "<f8", code="d")
    write_npy(fortran, (1, 3, 8, 8), [0] * 192, fortran=True)
    other.write_text("no array")
    broken = folder / "broken.onnx"
    broken.write_bytes(BASE.read_bytes()[:1000])
    target = ("--target", "relu1_1", BASE)
    cases = (
        ("no network", (other,), "other.npy"),
        ("no file", (folder / "nowhere.onnx",), "nowhere"),
        ("half a network", (broken,), "broken"),
        ("a size of words", ("--size", "large", BASE), "640x480"),
        ("a size of nothing", ("--size", "0x5", BASE), "640x480"),
        ("no such head", ("--head", "lost", BASE), "pooled"),
        ("no target", ("--run", good, BASE), "--target"),
        ("an unknown layer", ("--run", good, "--target", "relu9_9", BASE), "relu"),
        ("float64", ("--run", double, *target), "float32"),
        ("Fortran's order", ("--run", fortran, *target), "ascontiguousarray"),
        ("no array", ("--run", other, *target), "numpy.save"),
        ("three axes", ("--run", flat, *target), "3 x 8 x 8"),
        ("a grey picture", ("--run", grey, *target), "1 x 1 x 8 x 8"),
        ("too small a picture", ("--run", good, "--target", "relu5_1", BASE), "too small"),
        ("a seed of another shape", ("--run", good, "--target", "relu1_1", "--gradient-seed", good,
                                     "--gradient", folder / "g.npy", BASE), "1 x 32 x 8 x 8"),
    )
    for name, arguments, part in cases:
        result = run(*arguments)
        problems = []
        if result.returncode != 1 or part not in result.stderr or not result.stderr.endswith(".\n"):
            problems.append(f"status {result.returncode}: {result.stderr or result.stdout[-300:]}")
        tap.case(f"sentence: {name}", problems)


def check_too_small(tap):
    """Layers that a size does not allow are marked, and the others listed."""
    result = run("--size", "8", BASE)
    rows = {row["layer"]: row for row in rows_of(run("--tsv", "--size", "8", BASE).stdout)}
    problems = []
    if rows["pool3"]["shape"] != "1x128x1x1" or "too small" not in rows["pool4"]["problem"]:
        problems.append(f"{rows['pool3']} {rows['pool4']}")
    if rows["prob"]["shape"] or rows["prob"]["problem"]:
        problems.append(f"{rows['prob']}")
    if result.returncode or "What cannot be used" not in result.stdout or "?" not in result.stdout:
        problems.append(result.stdout)
    tap.case("a size that not all layers take", problems)


def main():
    tap = Tap()
    check_tsv(tap)
    check_table(tap)
    check_too_small(tap)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        check_names(tap, folder)
        check_run(tap, folder)
        check_gradient(tap, folder)
        check_budget(tap, folder)
        check_integers(tap, folder)
        check_sentences(tap, folder)
    tap.done()


if __name__ == "__main__":
    main()
