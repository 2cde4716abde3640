"""A generator as a program that JAX alone runs."""

import subprocess
import sys

import jax
import numpy as np
import optax
import pytest

import ganjax as gx
from ganjax.errors import UsageError
from tests.helpers.processes import environment


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "run"
    adam = optax.adam(1e-3)
    g = gx.models.dcgan.Generator(8, 1, width=4, classes=3)
    d = gx.models.dcgan.Discriminator(width=4, classes=3)
    made = gx.game(
        gx.GAN(
            gx.Player(g, adam),
            gx.Player(d, adam),
            gx.losses.hinge(),
            gx.priors.normal(4),
        )
    )
    rng = np.random.default_rng(0)
    x, label = rng.integers(0, 256, (24, 8, 8, 1), np.uint8), np.arange(24) % 3
    gx.train(made, (x, label), gx.Run(str(folder), 2, 6, devices="jit", scores=False))
    return gx.load(folder, game=made)


CALL = """
import sys
from pathlib import Path
import jax, numpy as np
z, label, wanted = (np.load(sys.argv[1])[name] for name in ("z", "label", "wanted"))
program = jax.export.deserialize(bytearray(Path(sys.argv[2]).read_bytes()))
np.testing.assert_allclose(program.call(z, label, np.uint32(0)), wanted, atol=1e-6)
assert not {name.split(".")[0] for name in sys.modules} & {"ganjax", "flax", "optax"}
print("the same")
"""


@pytest.mark.slow
def test_a_process_that_has_only_jax_makes_the_same_images(loaded, tmp_path):
    z, label = np.asarray(loaded.prior(5)), np.array([0, 1, 2, 0, 1], np.int32)
    np.savez(tmp_path / "a.npz", z=z, label=label, wanted=loaded.g(z, label))
    assert loaded.export(tmp_path / "g.jax") == tmp_path / "g.jax"
    call = [sys.executable, "-c", CALL, tmp_path / "a.npz", tmp_path / "g.jax"]
    ended = subprocess.run(
        call, env=environment(tmp_path), capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == b"the same\n"


def test_a_program_is_for_any_number_of_samples_or_for_one(loaded, tmp_path):
    for n, counts in ((None, (1, 7)), (3, (3,))):
        path = loaded.export(tmp_path / f"{n}.jax", n)
        program = jax.export.deserialize(bytearray(path.read_bytes()))
        assert {*program.platforms} >= {"cpu", "cuda", "tpu"}
        for count in counts:
            z, label = loaded.prior(count, seed=1), np.arange(count) % 3
            made = program.call(z, label.astype(np.int32), np.uint32(0))
            np.testing.assert_allclose(made, loaded.g(z, label), atol=1e-6)


def test_labels_latents_and_truncation_of_a_loaded_run(loaded):
    z = loaded.prior(4, seed=5)
    made = loaded.g(z, [0, 1, 2, 0])
    np.testing.assert_array_equal(loaded.g(z), made)
    one = loaded.sample(label=[0, 1, 2], z=z[:1])
    np.testing.assert_allclose(one[1], loaded.g(z[:1], 1)[0], atol=1e-6)
    np.testing.assert_allclose(loaded.sample(z=z, label="2"), loaded.g(z, 2), atol=1e-6)
    near = loaded.prior(400, truncation=0.5)
    assert np.abs(near).max() <= 0.5 < np.abs(loaded.prior(400)).max()
    kept = np.abs(loaded.prior(400)) <= 0.5
    np.testing.assert_array_equal(near[kept], loaded.prior(400)[kept])
    np.testing.assert_allclose(
        loaded.sample(3, truncation=0.5), loaded.g(near[:3]), atol=1e-6
    )
    for call, says in (
        (lambda: loaded.g(z, 7), "--label 7 is not a class of this run"),
        (lambda: loaded.d(made, [0, 1, 7, 0]), "--label 7 is not a class"),
        (lambda: loaded.g(z, [0, 1]), "There are 2 labels for 4 samples"),
        (lambda: loaded.sample(3, z=z), "There are 4 latents for 3 samples"),
        (lambda: loaded.sample(), "The number of samples is None"),
        (lambda: loaded.prior(3, truncation=0.0), "The truncation is 0.0"),
        (lambda: loaded.sample(z=z, truncation=0.5), "Both z and truncation are given"),
        (lambda: loaded.d(made), "give d the label of each example"),
        (lambda: loaded.d(np.zeros((1, 8, 8, 1), np.uint8), 0), "d is given uint8"),
    ):
        with pytest.raises(UsageError, match=says):
            call()


def test_d_gives_logits_and_can_be_differentiated(loaded):
    x = np.random.default_rng(1).uniform(-1, 1, (3, 8, 8, 1)).astype(np.float32)
    logits = loaded.d(x, [0, 1, 2])
    assert logits.shape == (3,)
    slope = jax.grad(lambda x: loaded.d(x, [0, 1, 2]).sum())(x)
    step = (
        1e-2 * slope / np.sqrt((np.asarray(slope) ** 2).sum((1, 2, 3), keepdims=True))
    )
    gain = np.asarray(loaded.d(x + step, [0, 1, 2]) - loaded.d(x - step, [0, 1, 2]))
    norms = np.sqrt((np.asarray(slope) ** 2).sum((1, 2, 3)))
    np.testing.assert_allclose(gain, 2e-2 * norms, rtol=0.05)
    nothing = loaded._replace(game=loaded.game._replace(discriminate=None))
    assert nothing.game.discriminate is None
