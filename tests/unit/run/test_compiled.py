"""How a run is laid out on the devices."""

import numpy as np

from ganjax import Batch
from ganjax.data import Sizes, resident
from ganjax.run.compiled import compile_game
from tests.helpers.runs import args, game


POINTS = Batch(np.zeros((64, 2), np.float32), np.zeros(64, np.int32))


def test_each_seed_of_a_population_sees_the_data_in_an_order_of_its_own():
    stream = resident(POINTS, Sizes(1, 4, 4))
    made = compile_game(args("runs/none", seed=5, seeds=8).run, game(), stream)
    wanted = [stream.window(seed, 3) for seed in range(5, 13)]
    np.testing.assert_array_equal(made.window(3), wanted)
    assert len(set(wanted)) == 8
