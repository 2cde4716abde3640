"""What else a player must respect: terms of its objective, functions of its `Turn`.

A coefficient is a `Number`: a constant, or an Optax schedule of the step. A method that
asks something of both players is a `Pair` of terms, one for each. `patch_nce` is a
value alone, of what two images have at the same places.
"""

from ganjax.regularizers.approximate import approximate_r1, approximate_r2
from ganjax.regularizers.classes import (
    ac,
    adc,
    contrastive,
    cross_entropy,
    data_to_data,
    multi_hinge,
    tac,
)
from ganjax.regularizers.consistency import (
    balanced_consistency,
    consistency,
    latent_consistency,
)
from ganjax.regularizers.energy import boundary_equilibrium, pulling_away
from ganjax.regularizers.information import coded, information
from ganjax.regularizers.lecam import lecam
from ganjax.regularizers.matching import feature_matching, mode_seeking, moved
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
from ganjax.regularizers.terms import Pair, lazily, stateless


__all__ = [
    "Pair",
    "ac",
    "adc",
    "approximate_r1",
    "approximate_r2",
    "balanced_consistency",
    "boundary_equilibrium",
    "consistency",
    "coded",
    "contrastive",
    "cross_entropy",
    "data_to_data",
    "dragan",
    "feature_matching",
    "gradient_penalty",
    "information",
    "latent_consistency",
    "lazily",
    "lecam",
    "max_gradient_penalty",
    "mode_seeking",
    "moved",
    "multi_hinge",
    "patch_nce",
    "path_length",
    "pulling_away",
    "r1",
    "r2",
    "reconstruction",
    "stateless",
    "tac",
]
