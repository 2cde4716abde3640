"""The game of a GAN: one generator and one discriminator, trained by `ganjax.core`."""

from functools import partial

from ganjax.core import (
    GAN,
    Game,
    Labels,
    Modality,
    check_gan,
    classes_of,
    discriminate,
    generate,
    init,
    latents,
    pretrained_of,
    train_step,
)
from ganjax.modalities import IMAGES


def game(gan: GAN, modality: Modality = IMAGES) -> Game:
    """Makes the game of a GAN, which the loop, `ganjax.train` and the commands take.

    Args:
        gan: the two players and what they play for.
        modality: the kind of data that they play on.

    Example:
        >>> digits = ganjax.game(gan)
        >>> ring = ganjax.game(gan, modalities.POINTS)

    Raises:
        UsageError: a part of the GAN is not what it has to be.
    """
    check_gan(gan)
    return Game(
        init=partial(init, gan),
        step=partial(train_step, gan),
        latents=partial(latents, gan),
        generate=partial(generate, gan),
        modality=modality,
        conditions=Labels(classes_of(gan.g, gan.d)),
        discriminate=partial(discriminate, gan),
        pretrained=pretrained_of(gan.g, gan.d),
    )
