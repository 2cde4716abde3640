"""stub"""

import numpy as np

from ganjax.evaluation.features import Features


def random_network(seed=0):
    w = np.random.default_rng(seed).normal(size=(3, 16)).astype(np.float32)

    def apply(x):
        x = np.broadcast_to(x, (*x.shape[:-1], 3)) if x.shape[-1] == 1 else x[..., :3]
        h = np.maximum(x @ w, 0)
        return np.concatenate([h.mean((1, 2)), h.std((1, 2))], 1)

    return Features("random-0-stub", apply)
