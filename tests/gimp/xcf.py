# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads GIMP's own files, so that tests see pixels in an image's own precision, to the bit, and
not through GIMP's conversions. Knows what GIMP 3.0 writes: layers, masks, groups, the selection."""

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy

TILE = 64
PROP_COMPRESSION, PROP_OFFSETS, PROP_SELECTION, PROP_GROUP = 17, 15, 4, 29
PROP_MODE, PROP_OPACITY, PROP_VISIBLE, PROP_APPLY_MASK, PROP_PATH = 7, 6, 8, 11, 30
DTYPES = {1: ">u1", 2: ">u2", 3: ">u4", 5: ">f2", 6: ">f4", 7: ">f8"}  # by precision // 100
CHANNELS = {0: 3, 1: 4, 2: 1, 3: 2}  # by layer type: RGB, RGBA, GRAY, GRAYA


@dataclass
class Layer:
    """A layer or channel; pixels are rows x columns x channels."""

    name: str
    kind: int
    pixels: numpy.ndarray
    properties: dict
    mask: "Layer | None" = None
    offsets: tuple = (0, 0)
    path: tuple = ()  # of a layer in a group: positions from the outermost group on

    @property
    def has_alpha(self):
        return self.kind in (1, 3)

    @property
    def mode(self):
        return struct.unpack(">I", self.properties[PROP_MODE])[0]


@dataclass
class Image:
    """Layers from the top of the stack; the selection is a channel or None."""

    width: int
    height: int
    precision: int
    layers: list = field(default_factory=list)
    selection: "Layer | None" = None

    def layer(self, name):
        """The topmost layer of that name."""
        return next(layer for layer in self.layers if layer.name == name)


class Reader:
    """A cursor over the file's bytes."""

    def __init__(self, path):
        self.data = Path(path).read_bytes()
        self.position = 0
        self.version = 0

    def take(self, size):
        chunk = self.data[self.position : self.position + size]
        self.position += size
        return chunk

    def number(self):
        return struct.unpack(">I", self.take(4))[0]

    def pointer(self):
        return struct.unpack(">Q", self.take(8))[0] if self.version >= 11 else self.number()

    def pointers(self):
        found = []
        while pointer := self.pointer():
            found.append(pointer)
        return found

    def text(self):
        return self.take(self.number())[:-1].decode("utf-8")

    def properties(self):
        found = {}
        while True:
            kind, size = self.number(), self.number()
            if kind == 0:
                return found
            found[kind] = self.take(size)


def unpack_rle(data, bytes_per_pixel, pixels):
    """A tile: planes of bytes, each of runs and literals."""
    planes = numpy.empty((bytes_per_pixel, pixels), numpy.uint8)
    at = 0
    for plane in planes:
        done = 0
        while done < pixels:
            code = data[at]
            at += 1
            if code <= 127:  # a run
                size = code + 1
                if code == 127:
                    size = data[at] * 256 + data[at + 1]
                    at += 2
                plane[done : done + size] = data[at]
                at += 1
            else:
                size = 256 - code
                if code == 128:
                    size = data[at] * 256 + data[at + 1]
                    at += 2
                plane[done : done + size] = numpy.frombuffer(data, numpy.uint8, size, at)
                at += size
            done += size
    return planes.T.tobytes()


def read_pixels(reader, hierarchy, dtype, compression):
    """The full-size level of a hierarchy of tiles."""
    reader.position = hierarchy
    width, height, bytes_per_pixel = reader.number(), reader.number(), reader.number()
    reader.position = reader.pointer()
    reader.take(8)
    tiles = reader.pointers()
    channels = bytes_per_pixel // numpy.dtype(dtype).itemsize
    pixels = numpy.empty((height, width, channels), dtype)
    columns = -(-width // TILE)
    for index, tile in enumerate(tiles):
        x, y = index % columns * TILE, index // columns * TILE
        w, h = min(TILE, width - x), min(TILE, height - y)
        data = reader.data[tile:]
        if compression == 1:
            data = unpack_rle(data, bytes_per_pixel, w * h)
        elif compression == 2:
            data = zlib.decompressobj().decompress(data)
        values = numpy.frombuffer(data, dtype, w * h * channels)
        pixels[y : y + h, x : x + w] = values.reshape(h, w, channels)
    return pixels


def read_channel(reader, position, dtype, compression):
    """A channel or layer mask."""
    reader.position = position
    reader.take(8)
    name, properties = reader.text(), reader.properties()
    return Layer(name, 2, read_pixels(reader, reader.pointer(), dtype, compression), properties)


def read_layer(reader, position, dtype, compression):
    reader.position = position
    reader.take(8)
    kind, name, properties = reader.number(), reader.text(), reader.properties()
    hierarchy, mask = reader.pointer(), reader.pointer()
    layer = Layer(name, kind, read_pixels(reader, hierarchy, dtype, compression), properties)
    layer.offsets = struct.unpack(">ii", properties[PROP_OFFSETS])
    path = properties.get(PROP_PATH, b"")
    layer.path = struct.unpack(f">{len(path) // 4}I", path)
    if mask:
        layer.mask = read_channel(reader, mask, dtype, compression)
    return layer


def read(path):
    """The image in a file."""
    reader = Reader(path)
    magic = reader.take(14)
    # GIMP writes the oldest version that can hold an image: 8-bit ones without a precision, all
    # others with numbers in network order.
    reader.version = 0 if magic[9:13] == b"file" else int(magic[10:13])
    width, height, _ = (reader.number() for _ in range(3))
    precision = reader.number() if reader.version >= 4 else 150
    if not magic.startswith(b"gimp xcf ") or (precision >= 200 and reader.version < 12):
        raise ValueError(f"{path} is not a file of GIMP 3 ({magic}, precision {precision})")
    compression = reader.properties()[PROP_COMPRESSION][0]
    dtype = DTYPES[precision // 100]
    image = Image(width, height, precision)
    layers, channels = reader.pointers(), reader.pointers()
    image.layers = [read_layer(reader, at, dtype, compression) for at in layers]
    for at in channels:
        channel = read_channel(reader, at, dtype, compression)
        if PROP_SELECTION in channel.properties:
            image.selection = channel
    return image
