"""Regularizers: further terms of a player's objective, functions of its `Turn`.

They go into `Player.regularizers` under any name, by which they are logged:

    Player(net, optim, {"r1": r1(10.0)})

A coefficient is a `Number`: a constant, or an Optax schedule of the step. A method with
terms for both players is a `PerPlayer`, whose `d` and `g` go to one player each. Terms on
features or classes read what D's head sowed, `turn.real.heads` and `turn.fake.heads`.
Penalties on the weights alone are in `ganjax.optim`.

`patch_nce` is not a regularizer but a function of features, for CUT, and `coded_prior` is
the prior that InfoGAN's `mutual_information` needs.
"""

from ganjax.regularizers.approximate import approximate_r1, approximate_r2
from ganjax.regularizers.classes import (
    ac_gan,
    adc_gan,
    contrastive,
    cross_entropy,
    data_to_data,
    multi_hinge,
    tac_gan,
)
from ganjax.regularizers.columns import conditional_column
from ganjax.regularizers.consistency import (
    balanced_consistency,
    consistency,
    latent_consistency,
)
from ganjax.regularizers.energy import boundary_equilibrium, pulling_away
from ganjax.regularizers.information import coded_prior, mutual_information
from ganjax.regularizers.lecam import lecam
from ganjax.regularizers.matching import (
    feature_matching,
    latent_step_penalty,
    mode_seeking,
)
from ganjax.regularizers.patches import patch_nce
from ganjax.regularizers.path_length import path_length
from ganjax.regularizers.penalties import (
    dragan,
    gradient_penalty,
    max_gradient_penalty,
    r1,
    r2,
)
from ganjax.regularizers.reconstruction import reconstruction
from ganjax.regularizers.slicing import slicing
from ganjax.regularizers.terms import PerPlayer, lazily, stateless


__all__ = [
    "PerPlayer",
    "ac_gan",
    "adc_gan",
    "approximate_r1",
    "approximate_r2",
    "balanced_consistency",
    "boundary_equilibrium",
    "conditional_column",
    "consistency",
    "coded_prior",
    "contrastive",
    "cross_entropy",
    "data_to_data",
    "dragan",
    "feature_matching",
    "gradient_penalty",
    "latent_consistency",
    "latent_step_penalty",
    "lazily",
    "lecam",
    "max_gradient_penalty",
    "mode_seeking",
    "multi_hinge",
    "mutual_information",
    "patch_nce",
    "path_length",
    "pulling_away",
    "r1",
    "r2",
    "reconstruction",
    "slicing",
    "stateless",
    "tac_gan",
]
