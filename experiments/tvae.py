"""TVAE: a variational autoencoder of the rows of a table (Xu et al., 2019, section 4.5).

As in the authors' package: CTGAN's mode-specific normalization, rows as they occur, two
hidden layers of 128 units on either side, a scale of its own for each continuous column,
and the likelihood with twice the weight of the KL divergence. Samples have no conditions:
`ganjax synthesize --where` draws rows until enough have the values. The data and the kinds
of columns are given as to `ctgan.py`. `--steps` is 300 times the number of batches in the
data there.
"""

from dataclasses import dataclass, replace
from functools import partial

import jax.numpy as jnp
import optax

import ganjax as gx
from ganjax.data import rows, schema as columns


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/tvae", steps=10_000, batch=500)
    data: str = "wine"
    kinds: tuple[str, ...] = ()
    """Kinds of columns that are not to be inferred: zip=categorical, id=key, and
    gain=0,99999 for numbers of which these are special."""
    target: str = ""
    """The column that is to be predicted from the others, for scores."""
    schema: str = ""
    """What the columns are, as JSON; a run keeps it, to be sampled without its data."""
    latent: gx.PositiveInt = 128
    width: gx.PositiveInt = 128
    depth: gx.PositiveInt = 2
    """Hidden layers of either network."""
    lr: gx.PositiveFloat = 1e-3
    decay: gx.NonNegativeFloat = 1e-5
    kl_weight: gx.PositiveFloat = 0.5
    """Weight of the KL divergence relative to the likelihood."""
    argmax: bool = True
    """Whether samples have the most probable modes and categories, as in the package, or
    draw them, which is closer to the table."""


TINY = Args(
    gx.Run("runs/tiny_tvae", steps=4, batch=16),
    data="iris",
    target="species",
    latent=4,
    width=8,
    depth=1,
)


def schema_of(args: Args) -> columns.Schema:
    """What the columns are: as the run has recorded it, or else by the training rows."""
    if args.schema:
        return columns.from_json(args.schema)
    kinds = columns.parse_kinds(args.kinds)
    return columns.infer(rows.read_split(args.data), kinds, args.target)


def within(path: str, weight):
    """The scales stay in 0.01..1, as in the package; other weights are free."""
    return jnp.clip(weight, 0.01, 1.0) if path == "scale" else weight


def make(args: Args) -> gx.Game:
    schema = schema_of(args)
    width = sum(is_continuous + count for is_continuous, count in schema.layout)
    # Adam with L2 regularization, as PyTorch has it.
    adam = optax.chain(optax.add_decayed_weights(args.decay), optax.adam(args.lr))
    mlp, parts = gx.models.mlp, gx.layers.autoencoders
    # PyTorch's initial weights: with those of variance 1 it is behind the package.
    begin = gx.models.tabular.INIT
    e = mlp.Discriminator(
        args.width,
        args.depth,
        slope=0.0,
        head=partial(parts.Posterior, latent=args.latent, kernel_init=begin),
        kernel_init=begin,
    )
    g = mlp.Generator(
        (width,),
        args.width,
        args.depth,
        slope=0.0,
        output=mlp.linear,
        kernel_init=begin,
    )
    # A table without numbers has one scale, which nothing reads.
    scales = (max(1, len(schema.continuous)),)
    g = parts.LearnedScale(g, initial=0.1, shape=scales, is_log=False)
    return gx.games.vae(
        e=gx.Player(e, adam),
        g=gx.Player(g, optax.chain(adam, gx.optim.project(within))),
        likelihood=gx.likelihoods.rows(schema.layout, args.argmax),
        latent=args.latent,
        modality=gx.modalities.tables(schema, rows.as_they_occur),
        kl_weight=args.kl_weight,
    )


def main(args: Args):
    args = replace(args, schema=columns.to_json(schema_of(args)))
    return gx.train(make(args), args.data, args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
