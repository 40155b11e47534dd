# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour profiles for tests."""

import struct
from pathlib import Path

from PIL import ImageCms


def icc_profile(name, primaries, gamma):
    """A minimal matrix profile: primaries as XYZ under D50."""
    def fixed(*numbers):
        return b"".join(struct.pack(">i", round(n * 65536)) for n in numbers)

    def text(kind, value):
        data = value.encode("ascii") + b"\0"
        if kind == b"desc":
            return kind + bytes(4) + struct.pack(">I", len(data)) + data + bytes(78)
        return kind + bytes(4) + data

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"desc": text(b"desc", name), b"cprt": text(b"text", "public domain")}
    tags[b"wtpt"] = b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249)
    for channel, xyz in zip(b"rgb", primaries):
        tags[bytes([channel]) + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*xyz)
        tags[bytes([channel]) + b"TRC"] = curve
    table, data = struct.pack(">I", len(tags)), b""
    for tag, value in tags.items():
        value += bytes(-len(value) % 4)
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(data), len(value))
        data += value
    size = 128 + len(table) + len(data)
    head = struct.pack(">I4xI4s4s4s", size, 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + table + data


def write_profiles(folder):
    wide = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]
    Path(folder, "wide.icc").write_bytes(icc_profile("Wide", wide, 2.2))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    Path(folder, "srgb.icc").write_bytes(srgb.tobytes())
