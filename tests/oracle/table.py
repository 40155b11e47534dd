# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of networks and errors. Every test process writes its part under build/networks/ and
joins all parts there are into build/networks.txt, so that the last to end leaves the whole."""

import os
from pathlib import Path

HEADINGS = ("network", "opset", "size", "picture", "layer", "forward", "gradient",
            "ties resolved", "ties")
TITLE = """\
Forward error against onnxruntime, input-gradient error against PyTorch: the largest difference,
relative to the largest absolute value. Where a gradient differs by more than {bound:g}, float64
repeats the calculation with each engine's own decisions at kinks and in max-pooling: "ties
resolved" is what is then left of Somnium's error, "ties" counts Somnium's and PyTorch's decisions
that differ from float64's own.
"""


class Row:
    """One layer of one network at one size on one picture."""

    def __init__(self, network, opset, size, picture, layer):
        self.network = network
        self.opset = opset
        self.size = f"{size[0]}x{size[1]}"
        self.picture = picture
        self.layer = layer.lstrip("/")
        self.forward = self.gradient = self.resolved = self.ties = None

    @property
    def name(self):
        return f"{self.network} {self.size} {self.picture} {self.layer}"

    def cells(self):
        resolved = ["", ""]
        if self.resolved is not None:
            resolved = [f"{self.resolved:.1e}", "{} and {}".format(*self.ties)]
        return [self.network, str(self.opset), self.size, self.picture, self.layer,
                f"{self.forward:.1e}", f"{self.gradient:.1e}", *resolved]


def write(path, text):
    """Whole or not at all: another process may be reading."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def aligned(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows)


def publish(build, part, rows, order, bound):
    """Writes the rows as this part, and the table of all parts in the order of their names."""
    folder = Path(build) / "networks"
    folder.mkdir(exist_ok=True)
    write(folder / f"{part}.tsv", "".join("\t".join(row.cells()) + "\n" for row in rows))
    parts = [folder / f"{name}.tsv" for name in order]
    lines = [line for path in parts if path.exists()
             for line in path.read_text(encoding="utf-8").splitlines()]
    table = aligned([HEADINGS, *(line.split("\t") for line in lines)])
    write(Path(build) / "networks.txt", TITLE.format(bound=bound) + "\n" + table)
