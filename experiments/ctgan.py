"""CTGAN: rows of a table (Xu et al., 2019), as in the authors' package.

Mode-specific normalization, training by sampling, packs of ten rows for D, Wasserstein loss
with a gradient penalty of 10 and one turn of D in a step. The data is iris, wine,
breast_cancer or diabetes, or the path of a .csv or .parquet file, of which every fifth row
is held out, or of a folder with train.csv and test.csv. `--steps` is 300 times the number
of batches in the data there.
"""

from dataclasses import dataclass, replace

import optax

import ganjax as gx
from ganjax.data import rows, schema as columns


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/ctgan", steps=10_000, batch=500)
    data: str = "wine"
    kinds: tuple[str, ...] = ()
    """Kinds of columns that are not to be inferred: zip=categorical, id=key, and
    gain=0,99999 for numbers of which these are special."""
    target: str = ""
    """The column that is to be predicted from the others, for scores."""
    schema: str = ""
    """What the columns are, as JSON; a run keeps it, to be sampled without its data."""
    latent: gx.PositiveInt = 128
    widths: tuple[int, ...] = (256, 256)
    pack: gx.PositiveInt = 10
    d_turns: gx.PositiveInt = 1
    lr: gx.PositiveFloat = 2e-4
    decay: gx.NonNegativeFloat = 1e-6
    penalty: gx.NonNegativeFloat = 10.0
    ema: gx.Fraction = 0.0


TINY = Args(
    gx.Run("runs/tiny_ctgan", steps=4, batch=16),
    data="iris",
    target="species",
    latent=4,
    widths=(8, 8),
    pack=2,
)


def schema_of(args: Args) -> columns.Schema:
    """What the columns are: as the run has recorded it, or else by the training rows."""
    if args.schema:
        return columns.from_json(args.schema)
    kinds = columns.parse_kinds(args.kinds)
    return columns.infer(rows.read_split(args.data), kinds, args.target)


def make(args: Args) -> gx.Game:
    schema = schema_of(args)
    classes = len(schema.conditions)
    # Adam with L2 regularization, as PyTorch has it.
    adam = optax.chain(
        optax.add_decayed_weights(args.decay), optax.adam(args.lr, b1=0.5, b2=0.9)
    )
    g = gx.models.tabular.Generator(
        gx.models.tabular.spans(schema.layout), args.widths, classes
    )
    d = gx.models.tabular.Discriminator(args.widths, classes, pack=args.pack)
    penalty = gx.regularizers.gradient_penalty(args.penalty, pack=args.pack)
    # Without categorical columns there is nothing to condition on.
    condition = gx.regularizers.conditional_column(schema.layout)
    gan = gx.GAN(
        g=gx.Player(g, adam, {"condition": condition} if classes else {}),
        d=gx.Player(d, adam, {"gradient_penalty": penalty}),
        loss=gx.losses.wasserstein(),
        prior=gx.priors.normal(args.latent),
        ema=optax.constant_schedule(args.ema),
    )
    game = gx.game(gan, gx.modalities.tables(schema))
    # Samples have the categories as often as the table has them.
    labels = gx.core.Labels(classes, schema.frequencies)
    return game._replace(conditions=labels)


def main(args: Args):
    args = replace(args, schema=columns.to_json(schema_of(args)))
    sizes = gx.Sizes(args.d_turns, args.run.batch, args.run.batch)
    return gx.train(make(args), args.data, args.run, config=args, sizes=sizes)


if __name__ == "__main__":
    gx.command(main)
