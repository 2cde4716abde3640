"""The experiments of autoencoders: networks like DCGAN's, and the numbers of TVAE."""

import dataclasses
import importlib
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ganjax as gx
from ganjax.commands import synthesize
from ganjax.data.tables import read_table
from tests.helpers.abstract import captured


autoencoder, dcgan, tvae, vae = (
    importlib.import_module(name) for name in ("autoencoder", "dcgan", "tvae", "vae")
)


def small(module, **flags):
    return dataclasses.replace(module.TINY, **flags)


def shapes(game, of):
    x = jnp.zeros((4, 16, 16, 1))
    state = jax.eval_shape(lambda: game.init(jax.random.key(0), gx.turns(x)))
    return jax.tree.map(lambda leaf: leaf.shape, of(state))


@pytest.mark.parametrize("module", [autoencoder, vae], ids=lambda x: x.__name__)
def test_decoder_and_encoder_are_dcgan_s_but_for_the_last_layer(module):
    gan, made = dcgan.make(dcgan.TINY), module.make(module.TINY)
    g = shapes(made, lambda state: state.g.params)
    if module is vae:
        assert g.pop("log_scale") == ()
        g = g["net"]
    assert g == shapes(gan, lambda state: state.g.params)
    e, d = (
        shapes(game, of)
        for game, of in (
            (made, lambda state: state.e.params),
            (gan, lambda state: state.d.params),
        )
    )
    e.pop("head"), d.pop("head")
    assert e == d


@pytest.mark.slow
def test_the_weight_of_kl_rises_over_the_warm_up():
    x = np.random.default_rng(0).uniform(-1, 1, (16, 16, 16, 1)).astype(np.float32)
    turns = gx.turns(x)
    game = vae.make(small(vae, warmup=10, kl_weight=2.0))
    state, play = game.init(jax.random.key(0), turns), jax.jit(game.step)

    def weight(step):
        _, logs = play(dataclasses.replace(state, step=jnp.int32(step)), turns)
        found = {name: float(value) for name, value in logs["g"].items()}
        return (found["loss"] + found["elbo"]) / found["kl"] + 1

    assert weight(0) == pytest.approx(0.0, abs=2e-2)
    assert weight(5) == pytest.approx(1.0, abs=2e-2)
    assert weight(99) == pytest.approx(2.0, abs=2e-2)


def test_scales_of_tvae_stay_within_bounds_and_nothing_else_does():
    game, _, turns = captured(tvae, tvae.TINY)
    optim = game.step.args[0].g.optim
    params = {"scale": jnp.array([0.5, 0.011]), "net": {"kernel": jnp.ones(2)}}
    grads = jax.tree.map(lambda x: 1e3 * jnp.array([-1.0, 1.0]), params)
    state = optim.init(params)
    for _ in range(2_000):
        updates, state = optim.update(grads, state, params)
        params = jax.tree.map(jnp.add, params, updates)
        if params["net"]["kernel"].max() > 1.02:
            break
    scales = np.asarray(params["scale"])
    assert scales[0] > 0.51 and scales[1] == np.float32(0.01)
    assert turns.g.label.shape == (16,)


@pytest.mark.slow
def test_a_vae_shows_reconstructions_in_its_folder_and_its_report(tmp_path):
    run = dataclasses.replace(
        vae.TINY.run,
        workdir=str(tmp_path / "run"),
        sample_every=2,
        save_every=2,
        scores=False,
    )
    args = small(vae, run=run)
    vae.main(args)
    pictures = sorted((tmp_path / "run" / "reconstructions").iterdir())
    assert [path.name for path in pictures] == ["000000002.png", "000000004.png"]
    assert "Reconstructions" in (tmp_path / "run" / "report.html").read_text()
    rows = [
        json.loads(line)
        for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert {"g/loss", "g/elbo", "g/kl", "g/bits_per_dim"} <= rows[-1].keys()
    # A process that was killed before it drew them makes up for it.
    before = pictures[-1].read_bytes()
    shutil.rmtree(tmp_path / "run" / "reconstructions")
    vae.main(args)
    assert pictures[-1].read_bytes() == before
    loaded = gx.load(tmp_path / "run")
    assert loaded.sample(3).shape == (3, 16, 16, 1)


@pytest.mark.slow
def test_rows_of_tvae_are_synthesized_also_with_given_values(tmp_path):
    run = dataclasses.replace(
        tvae.TINY.run, workdir=str(tmp_path / "run"), steps=200, scores=False
    )
    tvae.main(small(tvae, run=run, argmax=False))
    out = tmp_path / "made.csv"
    args = synthesize.Args(
        str(tmp_path / "run"), rows=5, where=("species=setosa",), out=str(out)
    )
    synthesize.main(args)
    table = read_table(out)
    assert len(table) == 5 and {*table.column("species")} == {"setosa"}
