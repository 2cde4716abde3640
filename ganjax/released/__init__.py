"""Weights of released programs as ours, and ours as theirs.

A module is a program: `stylegan2_ada.generator(size=256)` says which network of ours is
its network, and which tensor is which leaf. Then

    given = tensors.read("ffhq.safetensors")
    variables = load(stylegan2_ada.generator(size=256), given)

are the variables of its `net`, and `dump` gives the tensors back.
"""

from ganjax.released.names import Released, dump, load


__all__ = ["Released", "dump", "load"]
