"""FastGAN (Liu et al., 2021): few images, and a G whose coarse features gate fine ones.

Sizes are those of the authors' code, whose images are of 256, 512 and 1024 px; smaller
ones just have less of it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import layers
from ganjax.models.biggan import ConditionalNorm
from ganjax.models.convolution import Conv
from ganjax.models.equalized import normalise
from ganjax.models.example import Example
from ganjax.models.excitation import Excitation, Start, UpBlock
from ganjax.models.projected import INIT


UP = {  # the side of G's features -> their channels, in multiples of `width`
    **{4: 16, 8: 8, 16: 4, 32: 2, 64: 2},
    **{128: 1, 256: 1 / 2, 512: 1 / 4, 1024: 1 / 8},
}
EXCITED = 64, 128, 256, 512  # sides whose features those of a 16th of it gate


class Generator(nn.Module):
    """From z, put on a sphere, to images of side `size`: 4x4, then blocks that double it.

    The blocks have as many convolutions as `convs` says, in turn: (2, 1) as FastGAN; (2,)
    as Projected GAN, whose code this is (Sauer et al., 2021); (1,) as that code's lite
    one. Only those of two add noise. Nothing bounds the images. Classes choose the gains
    and biases of the norms in the blocks, by a vector as long as z.
    """

    size: int = 256
    channels: int = 3
    width: int = 128
    classes: int = 0
    convs: tuple[int, ...] = (2,)
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        def norm():
            if not self.classes:
                return layers.BatchNorm()
            return ConditionalNorm(wrap=self.wrap, use_bias=True, kernel_init=INIT)

        widths, known = widths_of(self.size, self.width), label
        if self.classes:
            init = nn.initializers.normal(1.0)
            known = nn.Embed(self.classes, z.shape[-1], embedding_init=init)(label)
        x = self.wrap(Start(2 * widths[4]))(normalise(z), train=train)
        seen = {4: nn.glu(layers.BatchNorm()(x, label, train=train))}
        for i, (side, width) in enumerate(list(widths.items())[1:]):
            convs = self.convs[i % len(self.convs)]
            strengths = (1 if self.classes else convs) if convs > 1 else 0
            block = UpBlock(width, norm, self.wrap, convs, strengths)
            x = block(seen[side // 2], known, train=train)
            if side in EXCITED:
                x = Excitation(self.wrap)(seen[side // 16], x, train=train)
            seen[side] = x
        last = Conv(self.channels, kernel_init=INIT)
        return self.wrap(last)(seen[self.size], train=train)


def widths_of(size: int, width: int) -> dict[int, int]:
    """The channels of G's features at every side from 4 to `size`."""
    if size not in UP or size < 8:
        sides = ", ".join(map(str, [side for side in UP if side > 4]))
        raise Mistake(f"FastGAN has images of sides {sides}, not {size}.")
    return {
        side: max(1, int(width * times)) for side, times in UP.items() if side <= size
    }


TINY = {
    "g": Example(partial(Generator, 64, 2, width=2), (5,)),
    "g lite": Example(partial(Generator, 64, 2, width=2, convs=(2, 1)), (5,)),
}
