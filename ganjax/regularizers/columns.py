"""CTGAN's term for conditions: a generated row should have the value that was asked for."""

from collections.abc import Sequence
from itertools import accumulate

import jax
import jax.numpy as jnp
import numpy as np

from ganjax.core import Number, Regularizer, Turn
from ganjax.regularizers.terms import weighted


def conditional_column(
    layout: Sequence[tuple[bool, int]], weight: Number = 1.0
) -> Regularizer:
    """The cross entropy of the column that a row is conditioned on (Xu et al., 2019).

    It is a term of G, section 4.3 of the paper: of the logits of that column, before the
    Gumbel softmax, with the value that the label names. Labels number the values of all
    categorical columns, those of the first column first. G has a method `outputs`, as
    `models.tabular.Generator`.

    Args:
        layout: of each column, whether it is continuous, and the number of its modes or
            values; `ganjax.data.schema.Schema.layout`.
        weight: the coefficient.
    """
    # Of each label: the outputs of its column, from `start` to `end`, and its own output.
    widths = [is_continuous + width for is_continuous, width in layout]
    starts = accumulate(widths, initial=0)
    columns = [
        (start, start + width)
        for start, (is_continuous, width) in zip(starts, layout, strict=False)
        if not is_continuous
    ]
    ends_of_columns = np.array(columns, np.int32).reshape(-1, 2)
    counts = ends_of_columns[:, 1] - ends_of_columns[:, 0]
    start_of, end_of = ends_of_columns.repeat(counts, axis=0).T
    own = np.concatenate([np.arange(start, end) for start, end in columns] or [[]])

    def value(turn: Turn):
        label = turn.fake.label
        outputs = turn.g(turn.z, label, method="outputs")
        place = jnp.arange(outputs.shape[-1])[None]
        start, end = (jnp.asarray(x)[label][:, None] for x in (start_of, end_of))
        logits = jnp.where((place >= start) & (place < end), outputs, -jnp.inf)
        chosen = jnp.asarray(own, jnp.int32)[label][:, None]
        log_probabilities = jax.nn.log_softmax(logits)
        return -jnp.take_along_axis(log_probabilities, chosen, axis=1).mean()

    return weighted(weight, value)
