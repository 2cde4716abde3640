"""Augmentations of signals [n, c], such as spectrograms over time."""

import jax
import jax.numpy as jnp

from ganjax.augment.transform import Transform


def jitter(noise: float = 0.2, loudness: float = 0.05) -> Transform:
    """Adds noise to a signal, and makes it louder or quieter (Baas & Kamper, 2023).

    Either is done with probability p. They are ASGAN's for log-mel spectrograms; its
    third, which exchanges parts of real and generated signals, needs both at once and is
    left out. ASGAN draws once for a batch what is drawn here for each signal.

    Args:
        noise: standard deviation of the noise.
        loudness: standard deviation of the factor around 1.
    """

    def transform(key, image, p):
        noisy_key, noise_key, scaled_key, scale_key = jax.random.split(key, 4)
        added = noise * jax.random.normal(noise_key, image.shape, image.dtype)
        factor = 1 + loudness * jax.random.normal(scale_key, (), image.dtype)
        noisy, scaled = (jax.random.uniform(k) < p for k in (noisy_key, scaled_key))
        image = image + jnp.where(noisy, added, 0)
        return image * jnp.where(scaled, factor, 1)

    return transform
