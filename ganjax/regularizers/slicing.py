"""SAN: the direction in which D's last layer looks has a loss of its own.

The other half of the method is the head `ganjax.layers.heads.Sliced`, which keeps the
gradients of direction and features apart.
"""

from ganjax.core import Number, Regularizer
from ganjax.regularizers.terms import weighted


def slicing(weight: Number = 1.0) -> Regularizer:
    """Turns D's direction to where real and generated features are farthest apart.

    The term is the Wasserstein loss of the direction, E <w, h(G(z))> - E <w, h(x)>, by
    which the features are not changed. Beside it, D's loss on the logits changes the
    features alone. A GAN whose direction is optimal, and whose features are, measures a
    distance (Takida et al., 2024, "SAN", section 5). G's loss stays what it was.

    For D, with the head `layers.heads.Sliced`.

    Args:
        weight: of the term; the paper's is 1.

    Example:
        >>> d = Player(Discriminator(head=heads.Sliced), adam, {"slicing": slicing()})
    """

    def value(turn):
        real, fake = (side.heads["direction"] for side in (turn.real, turn.fake))
        return fake.mean() - real.mean()

    return weighted(weight, value)
