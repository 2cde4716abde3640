"""Weights of released programs, to and from the networks of ganjax.

A released program is the authors' code, mostly in PyTorch, whose trained weights are
published as tensors with names. Each module here is one such program, and its functions
describe its networks: which network of ganjax has the same architecture, and which tensor
is which of its variables. For example

    from ganjax.pretrained import dump, load, stylegan2_ada, tensors

    released = stylegan2_ada.generator(size=256)
    variables = load(released, tensors.read("ffhq.safetensors"))
    images = released.net.apply(variables, z, label, train=False, rngs={"noise": key})

`load` returns the variables of `released.net`; `dump` turns them back into the program's
tensors. `efficientnet`, `inception`, `lpips`, `vgg` and `vit` also define their networks,
which are frozen feature extractors for scores, losses and discriminators. `protocols` has
those of published scores, with their preprocessing.
"""

from ganjax.pretrained.conversion import Released, dump, load


__all__ = ["Released", "dump", "load"]
