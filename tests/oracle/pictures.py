# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures as networks want them."""

import numpy as np
from PIL import Image

from common import SHARED

PHOTOS = SHARED / "data" / "photos"


class InputSpec:
    """Channel order, value range, mean and deviation (in the network's channel order)."""

    def __init__(self, channels="RGB", value_range=1.0, mean=(0, 0, 0), deviation=(1, 1, 1)):
        self.channels = channels
        self.value_range = value_range
        self.mean = np.float32(mean)
        self.deviation = np.float32(deviation)

    @classmethod
    def of_metadata(cls, properties):
        """From a file's somnium.* properties."""
        return cls(properties["channels"], float(properties["range"]),
                   [float(number) for number in properties["mean"].split()],
                   [float(number) for number in properties["std"].split()])

    def prepare(self, levels):
        """H x W x 3 levels of 0 to 255, whole or not -> 1 x 3 x H x W."""
        values = np.asarray(levels, np.float32) / np.float32(255) * np.float32(self.value_range)
        if self.channels == "BGR":
            values = values[:, :, ::-1]
        values = (values - self.mean) / self.deviation
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=np.float32)


IMAGENET = InputSpec(mean=(0.485, 0.456, 0.406), deviation=(0.229, 0.224, 0.225))
CAFFE = InputSpec("BGR", 255, mean=(103.939, 116.779, 123.68))


def photos():
    """The test photos, sorted; none where ../shared is not there."""
    return sorted(PHOTOS.glob("*.jpg"))


def load(path):
    """A picture as PIL has it, in RGB."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def photo_levels(height, width):
    """A photo, or a picture with a photo's spectrum, of this size: H x W x 3 levels.

    Up to half a level is added at random, as if the levels had never been rounded: flat areas are
    exact ties in every max-pooling window."""
    paths = photos()
    if paths:
        levels = np.asarray(load(paths[5]).resize((width, height), Image.Resampling.BICUBIC))
    else:
        levels = cloud_levels(height, width)
    return levels + np.random.default_rng(5).uniform(-0.5, 0.5, levels.shape)


def cloud_levels(height, width):
    """Noise whose amplitude falls with the frequency, as in photos."""
    random = np.random.default_rng(7)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    spectrum = np.fft.fft2(random.standard_normal((3, height, width))) / (frequency + 1e-2)
    clouds = np.fft.ifft2(spectrum).real
    clouds = 128 + 50 * (clouds - clouds.mean()) / clouds.std()
    return clouds.clip(0, 255).round().astype(np.uint8).transpose(1, 2, 0)


def noise_levels(height, width):
    """Each level of each pixel by itself."""
    return np.random.default_rng(11).integers(0, 256, (height, width, 3), dtype=np.uint8)


def centre_crop(picture, shorter_side, size):
    """The middle size x size of a picture whose shorter side is brought to shorter_side."""
    scale = shorter_side / min(picture.size)
    scaled = [max(shorter_side, round(side * scale)) for side in picture.size]
    picture = picture.resize(scaled, Image.Resampling.BILINEAR)
    left, top = [(side - size) // 2 for side in scaled]
    return np.asarray(picture.crop((left, top, left + size, top + size)))
