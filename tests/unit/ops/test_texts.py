import jax
import jax.numpy as jnp
import numpy as np

from ganjax.ops.texts import PADDING, is_written


def test_a_text_is_written_up_to_its_first_padding():
    numbers = jnp.array([[2, 1, PADDING, 3, PADDING], [1, 2, 3, 4, 1], [PADDING] * 5])
    found = is_written(jax.nn.one_hot(numbers, 5))
    wanted = [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]
    np.testing.assert_array_equal(found, np.array(wanted, bool))
