"""StyleGAN3 (Karras et al., 2021), whose G makes images that move with what they show.

`Generator` is configuration T, equivariant to translation; `Rotated` is R, to rotation
too. D is StyleGAN2's. All numbers are those of the released networks. In half precision
the Fourier features are still computed in float32.
"""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import filtered, sizes
from ganjax.models.convolution import conv
from ganjax.models.equalized import NORMAL, Conv, Dense
from ganjax.models.example import Example
from ganjax.models.filtered import LARGEST, Band, Smooth, filtered_lrelu
from ganjax.models.modulated import ToRGB, modulated
from ganjax.models.stylegan2 import Discriminator, Mapping


FIRST_CUTOFF, FIRST_STOPBAND = 2.0, 2**2.1  # cycles per image
LAST_STOPBAND = 2**0.3  # times the last cutoff
CRITICAL = 2  # last layers whose rate is just twice their cutoff
OUTPUT_SCALE = 0.25
STILL = np.eye(2, 3, dtype=np.float32)  # the transform that changes nothing


class Generator(nn.Module):
    """From z to images of `size`, a power of two; nothing keeps them within -1..1.

    It is `synthesis` of `mapping`, as StyleGAN2's. Where the cutoff is f there are
    min(base / 2f, width) channels. The authors train with `steadiness` 0.5^(b / 20000).
    """

    size: int = 256
    channels: int = 3
    width: int = 512
    base: int = 32768
    w_dim: int = 512
    depth: int = 2  # of the mapping network
    classes: int = 0
    decay: float = 0.998  # of the average of w
    psi: float = 1.0  # how far from that average w may be at evaluation, as a share
    layers: int = 14  # but for the Fourier features and the last, to colours
    margin: int = 10  # pixels beyond each border, at every rate
    kernel: int = 3
    smooth: Smooth = filtered.separable  # the filters after the leaky ReLU
    steadiness: float = 0.999  # the decay of the averages of squares

    def setup(self):
        self.f = Mapping(self.w_dim, self.depth, self.classes, self.decay, self.psi)
        self.g = Synthesis(
            self.channels, self.stages, self.kernel, self.smooth, self.steadiness
        )

    @property
    def stages(self) -> "tuple[Stage, ...]":
        """What images are after each layer."""
        return plan(self.size, self.layers, self.margin, self.width, self.base)

    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        return self.synthesis(self.mapping(z, label, train=train), train=train)

    def mapping(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n w_dim"]:
        """One w, n times: for the Fourier features and for each layer."""
        w = self.f(z, label, train=train)
        return jnp.broadcast_to(w[:, None], (len(z), self.layers + 2, self.w_dim))

    def synthesis(
        self,
        w: Float[Array, "b n w_dim"],
        *,
        train: bool,
        transform: Float[Array, "2 3"] | Float[np.ndarray, "2 3"] = STILL,
    ) -> Float[Array, "b h w c"]:
        """The images of a w for each layer, moved by the inverse of `transform`.

        [A | t]: what was at A p + t is shown at p, in widths right of and heights below
        the middle.
        """
        return self.g(w, jnp.asarray(transform), train=train)


# Configuration R: 1x1 convolutions, twice as wide, and filters without a direction.
Rotated = partial(Generator, width=1024, base=65536, kernel=1, smooth=filtered.radial)


class Stage(NamedTuple):
    """What images are after a layer."""

    band: Band
    size: int  # pixels a side, beyond the image too
    channels: int


def plan(
    size: int, layers: int, margin: int, width: int, base: int
) -> tuple[Stage, ...]:
    """The images that come into and out of the layers: `layers` + 1.

    Cutoffs and stopbands grow geometrically up to the layers that are sampled
    critically ("flexible layer specifications", configuration T).
    """
    sizes.check("StyleGAN3's G", size, sizes.growing(8))
    sizes.enough("StyleGAN3's G", size, base)  # the last cutoff is half the size
    if layers <= CRITICAL:
        raise Mistake(f"{layers} layers are too few: take at least {CRITICAL + 1}.")
    grown = np.minimum(np.arange(layers + 1) / (layers - CRITICAL), 1)
    last = size / 2
    cutoffs = FIRST_CUTOFF * (last / FIRST_CUTOFF) ** grown
    stopbands = FIRST_STOPBAND * (last * LAST_STOPBAND / FIRST_STOPBAND) ** grown
    rates = 2 ** np.ceil(np.log2(np.minimum(2 * stopbands, size)))
    half_widths = np.maximum(stopbands, rates / 2) - cutoffs
    sides = np.where(np.arange(layers + 1) < layers - 1, rates + 2 * margin, size)
    widths = np.rint(np.minimum(base / 2 / cutoffs, width))
    bands = map(
        Band, rates.astype(int).tolist(), cutoffs.tolist(), half_widths.tolist()
    )
    numbers = (x.astype(int).tolist() for x in (sides, widths))
    return tuple(map(Stage, bands, *numbers))


class Synthesis(nn.Module):
    """From w to images, all layers in a row.

    Stage i is what layer i makes; the first layer does not change size or rate.
    """

    channels: int
    stages: tuple[Stage, ...]
    kernel: int
    smooth: Smooth
    steadiness: float

    @nn.compact
    def __call__(
        self,
        w: Float[Array, "b n w_dim"],
        transform: Float[Array, "2 3"],
        *,
        train: bool,
    ) -> Float[Array, "b h w c"]:
        *stages, _ = self.stages
        x = Fourier(self.stages[0])(w[:, 0], transform)
        for i, stage in enumerate(stages):
            start = stages[max(i - 1, 0)].band
            smooth = self.smooth if i < len(stages) - CRITICAL else filtered.separable
            x = Unit(self.steadiness)(x, train=train)
            x = Layer(start, stage, self.kernel, smooth)(x, w[:, i + 1])
        x = Unit(self.steadiness)(x, train=train)
        image = ToRGB(self.channels)(x, w[:, -1])
        return OUTPUT_SCALE * jnp.clip(image, -LARGEST, LARGEST)


class Fourier(nn.Module):
    """Waves over the plane, turned and shifted by w, and a 1x1 convolution of them.

    Frequencies, of a uniform disc up to the cutoff, and phases, in turns, are drawn once
    and lie in collection "frozen" (configurations B and H).
    """

    stage: Stage

    @nn.compact
    def __call__(
        self, w: Float[Array, "b w_dim"], transform: Float[Array, "2 3"]
    ) -> Float[Array, "b h w c"]:
        (rate, cutoff, _), size, channels = self.stage
        frequencies = self.variable("frozen", "frequencies", self._frequencies)
        phases = self.variable("frozen", "phases", self._phases)
        given = Dense(4, bias=(1.0, 0.0, 0.0, 0.0), scale=0.0)(w)
        turn, shift = _pose(given.astype(jnp.float32))

        exactly = partial(jnp.einsum, precision="highest")
        turned = exactly("fi,bij->bfj", frequencies.value, turn)
        moved = transform[:, 2][None] - shift
        phase = phases.value[None] + exactly("bfj,bj->bf", turned, moved)
        turned = exactly("bfi,ij->bfj", turned, transform[:, :2])
        above = (jnp.linalg.norm(turned, axis=-1) - cutoff) / (rate / 2 - cutoff)
        amplitude = jnp.clip(1 - above, 0, 1)  # a transform may make waves too short

        place = (jnp.arange(size) + 0.5 - size / 2) / rate
        x, y = place[None, None, :, None], place[None, :, None, None]
        across, along = (turned[:, None, None, :, i] for i in (0, 1))
        waves = jnp.sin(2 * jnp.pi * (across * x + along * y + phase[:, None, None]))
        waves = (waves * amplitude[:, None, None]).astype(w.dtype)
        return Conv(channels, 1, use_bias=False)(waves)

    def _frequencies(self) -> Array:
        turns, share = jax.random.uniform(
            self.make_rng("params"), (2, self.stage.channels)
        )
        radius, angle = self.stage.band.cutoff * jnp.sqrt(share), 2 * jnp.pi * turns
        return radius[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)

    def _phases(self) -> Array:
        key, shape = self.make_rng("params"), (self.stage.channels,)
        return jax.random.uniform(key, shape, minval=-0.5, maxval=0.5)


def _pose(given: Array) -> tuple[Array, Array]:
    """Rotations [b, 2, 2] and shifts [b, 2] from rows of cosine, sine and shift."""
    given /= jnp.linalg.norm(given[:, :2], axis=-1, keepdims=True)
    cos, sin, *shift = given.T
    turn = jnp.stack([jnp.stack([cos, -sin], -1), jnp.stack([sin, cos], -1)], 1)
    return turn, jnp.stack(shift, axis=-1)


class Unit(nn.Module):
    """Images over the root of their average square, kept in collection "magnitude".

    Only training moves it (configuration D).
    """

    decay: float

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        square = self.variable("magnitude", "square", jnp.ones, ())
        if train:
            now = jnp.mean(jax.lax.stop_gradient(x).astype(jnp.float32) ** 2)
            square.value += (1 - self.decay) * (now - square.value)
        return x * jax.lax.rsqrt(square.value).astype(x.dtype)


class Layer(nn.Module):
    """A modulated convolution, a bias, and the leaky ReLU without aliases."""

    start: Band
    stage: Stage
    kernel: int
    smooth: Smooth

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h h c"], w: Float[Array, "b w_dim"]
    ) -> Float[Array, "b H H d"]:
        band, size, features = self.stage
        shape = self.kernel, self.kernel, x.shape[-1], features
        kernel = self.param("kernel", NORMAL, shape)
        bias = self.param("bias", nn.initializers.zeros, (features,))
        style = Dense(x.shape[-1], bias=1.0)(w)
        style = style * jax.lax.rsqrt(jnp.mean(style**2))
        square = jnp.mean(kernel**2, axis=(0, 1, 2), keepdims=True)
        x = modulated(x, kernel * jax.lax.rsqrt(square), style, widen)
        x = x + bias.reshape(1, 1, 1, -1)
        return filtered_lrelu(x, self.start, band, size, self.smooth)


def widen(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """The convolution at each place that sees any pixel: sides grow by k - 1."""
    side = len(kernel) - 1, len(kernel) - 1
    return conv(x, kernel, (side, side))


TINY = {
    "g": Example(partial(Generator, 8, 2, 6, w_dim=7, layers=4, margin=2), (5,)),
    "g rotated": Example(
        partial(Rotated, 8, 2, width=6, w_dim=7, layers=4, margin=2), (5,)
    ),
    "d": Example(partial(Discriminator, width=6, group=2), (8, 8, 2)),
}
