# SPDX-License-Identifier: GPL-3.0-or-later
"""bfloat16, where the machine computes in it: where it only pretends to, it takes 15 times as long as
float32."""

import torch


def halved(device="cpu", **options):
    """A context of torch.autocast, whose options these are; without effect on such a machine."""
    able = device != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast(device, torch.bfloat16, **{"enabled": able, **options})
