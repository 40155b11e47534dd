# SPDX-License-Identifier: GPL-3.0-or-later
"""How each network is trained: its shape, and the phases of its training, one after the other.

A phase goes over all pictures `epochs` times at `size` x `size` pixels, or at several sizes, a batch
at each in turn, while the rate of learning goes from the first to the second of `rate` along half a
cosine. Phases that a checkpoint has behind it must stay as they are; more can be added after them,
or those to come be changed.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Phase:
    epochs: int
    size: int | tuple
    rate: tuple
    cutmix: float = 0.0  # the share of the batches in which pictures are mixed
    smallest_crop: float = 0.35  # the area of the smallest crop that is resampled

    @property
    def sizes(self):
        return self.size if isinstance(self.size, tuple) else (self.size,)


@dataclasses.dataclass(frozen=True)
class Recipe:
    title: str
    blocks: tuple
    phases: tuple
    presets: dict  # which layers suit dreams, content and style
    batch: int = 128
    chunks: int = 4  # of a batch: each is normalised by itself
    momentum: float = 0.9
    decay: float = 5e-4  # of the weights of convolutions and of the last layer
    smoothing: float = 0.1  # of the labels
    averaging: float = 0.999  # how much of the mean of the weights is kept at each step


RECIPES = {
    "vgg12": Recipe(
        title="Somnium VGG-12",
        blocks=((32, 32), (64, 64), (128, 128), (256, 256, 256), (512, 512, 512)),
        phases=(
            Phase(1, 32, (0.01, 0.1)),
            Phase(3, 32, (0.1, 0.1)),
            Phase(6, 48, (0.1, 0.0)),  # the first that is fit for use
            Phase(1, 48, (0.0, 0.08)),
            Phase(10, 48, (0.08, 0.015), cutmix=0.25),
            Phase(3, 64, (0.015, 0.0)),
            Phase(1, (48, 64), (0.008, 0.004)),  # what was lost at 48 px while learning at 64
            Phase(1, 48, (0.004, 0.0)),
            # whole pictures at 48 px look smaller than crops do: at last as large as they are then
            Phase(2, 48, (0.012, 0.0), smallest_crop=0.7),
        ),
        presets={"dream": "relu4_3", "content": "relu3_2",
                 "style": "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1"},
    ),
    "test": Recipe(
        title="A test",
        blocks=((8,), (8, 16)),
        phases=(Phase(1, 32, (0.01, 0.05)), Phase(1, 48, (0.05, 0.0), cutmix=0.5)),
        presets={"dream": "relu2_2", "content": "relu2_1", "style": "relu1_1"},
        batch=16,
        averaging=0.5,
    ),
}
