# SPDX-License-Identifier: GPL-3.0-or-later
"""A classifier on its way through a recipe's phases, a step at a time.

SGD with Nesterov's momentum, label smoothing, CutMix in some phases, and a running mean of the
weights (Polyak), which is what is evaluated and exported. Convolutions are computed in bfloat16
(precision.py), weights are float32.

Each batch is cut into chunks, and each chunk is the work of one thread, with a batch normalisation
of its own (Hoffer et al., arXiv:1705.08741); gradients are summed in the chunks' order. So nothing
depends on the number of threads, and threads that wait for each other, as on a busy machine they
do, do it asleep: those inside oneDNN's convolutions spin. What is random in a step depends on the
seed and on the step's number alone.
"""

import copy
import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F

import data
from network import Vgg
from precision import halved


class Training:
    """The network, the mean of its weights, and how far they are."""

    def __init__(self, recipe, classes, seed, threads):
        torch.manual_seed(seed)
        self.recipe, self.seed = recipe, seed
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = Vgg(recipe.blocks, classes).to(self.device,
                                                      memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.network).eval()
        self.parameters = list(self.network.parameters())
        self.replicas = [replica_of(self.network) for _ in range(recipe.chunks)]
        self.optimiser = torch.optim.SGD(self.groups(), lr=0, momentum=recipe.momentum,
                                         nesterov=True)
        self.threads = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
        # of the step to come: its phase, the epoch in the phase, the step in the epoch
        self.phase = self.epoch = self.step = 0
        self.steps_done = 0

    def groups(self):
        """Weights that decay, and the rest."""
        weights = [parameter for parameter in self.parameters if parameter.dim() > 1]
        others = [parameter for parameter in self.parameters if parameter.dim() == 1]
        return [{"params": weights, "weight_decay": self.recipe.decay},
                {"params": others, "weight_decay": 0}]

    def state(self):
        return {"network": self.network.state_dict(), "mean": self.mean.state_dict(),
                "optimiser": self.optimiser.state_dict(), "seed": self.seed,
                "place": (self.phase, self.epoch, self.step, self.steps_done),
                "blocks": self.network.blocks, "classes": self.network.fc.out_features,
                "phases": [dataclasses.astuple(phase) for phase in self.recipe.phases]}

    def restore(self, state):
        """Goes on from a checkpoint; the phases that it has behind it must be the recipe's."""
        phase, epoch, step, steps_done = state["place"]
        ours = [dataclasses.astuple(phase) for phase in self.recipe.phases]
        if state["blocks"] != self.network.blocks or state["phases"][:phase] != ours[:phase]:
            raise ValueError("the checkpoint is of another recipe; move its folder away")
        self.network.load_state_dict(state["network"])
        self.replicas = [replica_of(self.network) for _ in self.replicas]
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.seed = state["seed"]
        self.phase, self.epoch, self.step, self.steps_done = phase, epoch, step, steps_done

    def start_from(self, weights, phase, pictures):
        """Begins a phase with the weights of a network that was exported before."""
        levels = pictures.levels[torch.randperm(len(pictures), generator=self.generator(-1))[:512]]
        size = self.recipe.phases[phase].sizes[0]
        self.network.unfold(weights, data.resized(data.normalised(levels), size).to(self.device))
        self.mean.load_state_dict(self.network.state_dict())
        self.replicas = [replica_of(self.network) for _ in self.replicas]
        self.phase = phase

    def epochs_done(self):
        return sum(phase.epochs for phase in self.recipe.phases[:self.phase]) + self.epoch

    def generator(self, number):
        """Chance, for what has this number."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + number)

    def rate(self, steps_per_epoch):
        """The rate of learning of the step to come."""
        phase = self.recipe.phases[self.phase]
        part = (self.epoch + self.step / steps_per_epoch) / phase.epochs
        first, last = phase.rate
        return last + (first - last) * (1 + math.cos(math.pi * part)) / 2

    def learn(self, levels, labels, rate):
        """One step. Returns the loss."""
        phase = self.recipe.phases[self.phase]
        generator = self.generator(self.steps_done)
        size = phase.sizes[self.step % len(phase.sizes)]
        images = data.views(levels, size, generator, phase.smallest_crop)
        targets = F.one_hot(labels, self.network.fc.out_features).float()
        if torch.rand((), generator=generator).item() < phase.cutmix:
            images, targets = data.cut_and_mixed(images, targets, generator)
        count = self.recipe.chunks
        parts = [(images[i::count], targets[i::count]) for i in range(count)]
        losses, gradients = zip(*self.threads.map(self.gradients, self.replicas, parts))
        self.move(gradients, rate)
        self.average()
        self.step, self.steps_done = self.step + 1, self.steps_done + 1
        return sum(losses) / count

    def gradients(self, replica, part):
        """The loss of a chunk and its gradients."""
        images, targets = (tensor.to(self.device) for tensor in part)
        images = images.contiguous(memory_format=torch.channels_last)
        # each weight is used once: nothing to be kept, and threads would share what is
        with halved(self.device, cache_enabled=False):
            logits = replica(images)
        loss = F.cross_entropy(logits.float(), targets, label_smoothing=self.recipe.smoothing)
        return loss.item(), torch.autograd.grad(loss, self.parameters)

    @torch.no_grad()
    def move(self, gradients, rate):
        """A step of the optimiser along the mean of the chunks' gradients."""
        for parameter, *parts in zip(self.parameters, *gradients):
            parameter.grad = sum(parts[1:], parts[0]).div_(len(parts))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()

    @torch.no_grad()
    def average(self):
        """The statistics of the chunks become the network's and each other's; a step of the mean of
        the weights, quicker at the beginning."""
        for ours, *theirs in zip(self.network.buffers(), *(r.buffers() for r in self.replicas)):
            if ours.is_floating_point():
                ours.copy_(sum(theirs[1:], theirs[0]) / len(theirs))
                for buffer in theirs:
                    buffer.copy_(ours)
        kept = min(self.recipe.averaging, (1 + self.steps_done) / (10 + self.steps_done))
        pairs = zip(self.mean.state_dict().values(), self.network.state_dict().values())
        ours, theirs = zip(*(pair for pair in pairs if pair[0].is_floating_point()))
        torch._foreach_lerp_(ours, theirs, 1 - kept)


def replica_of(network):
    """The same network, with the same parameters, but running statistics of its own."""
    replica = copy.deepcopy(network)
    for copied, module in zip(replica.modules(), network.modules()):
        copied._parameters = module._parameters
    return replica.train()
