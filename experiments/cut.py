"""CUT (Park et al., 2020): images of one kind as another kind, without pairs or a way back.

Each patch of the translation is to match the patch of the input at its place, among all
others of the input (PatchNCE). Of `vangogh2photo` paintings become photographs, and with
`--reverse` photographs paintings.
The numbers are those of the authors' code for 400 epochs; FastCUT's, for 200, are

    --nce 10 --no-both --equivariance --steps 1257400 --flat 0.75

The data is a set of TensorFlow Datasets or a folder with trainA and trainB, or two places:

    --data photographs/ --target paintings/
"""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import optax

import ganjax as gx
from ganjax.games import multiplayer, translation
from ganjax.models import patch_features


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/cut", steps=2_514_800, batch=1)
    data: str = "tfds:cycle_gan:vangogh2photo"
    target: str = ""
    """Where images of the other kind are, if not in the splits trainB and testB."""
    reverse: bool = False
    """Makes the first kind of the second."""
    size: gx.PositiveInt = 256
    margin: gx.NonNegativeInt = 30
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    flip: bool = True
    """Half of the images are seen in a mirror: not for letters, numbers or maps."""
    channels: gx.PositiveInt = 3
    g_width: gx.PositiveInt = 64
    d_width: gx.PositiveInt = 64
    blocks: gx.PositiveInt = 9
    halvings: gx.PositiveInt = 3
    """Of D: with 3 a logit sees 70 pixels, with 2 it sees 34."""
    nce: gx.NonNegativeFloat = 1.0
    """How much it costs not to tell the places apart."""
    both: bool = True
    """Of y, which is to stay as it is, as well as of x."""
    equivariance: bool = False
    """The mirror image of x is to become that of its translation, half of the time."""
    init_gain: gx.PositiveFloat = 0.02
    """First weights, as times those of Glorot & Bengio (2010)."""
    tau: gx.PositiveFloat = 0.07
    patches: gx.PositiveInt = 256
    """Places of each map."""
    features: gx.PositiveInt = 256
    """What a place is told by."""
    lr: gx.PositiveFloat = 2e-4
    flat: gx.Fraction = 0.5
    """The share of the steps after which `lr` begins to fall."""


TINY = Args(
    gx.Run("runs/tiny_cut", steps=4, batch=8, seed=1),
    data="digits",
    target="digits",
    size=16,
    margin=4,
    channels=1,
    g_width=4,
    d_width=4,
    blocks=1,
    halvings=1,
    equivariance=True,
    init_gain=1.0,
    tau=1.0,
    patches=8,
    features=16,
)


def make(args: Args) -> gx.Game:
    view = translation.View(args.size, args.margin, args.flip)
    of = translation.sides(args.reverse)
    adam = optax.adam(
        translation.linear_decay(args.lr, args.run.steps, args.flat), b1=0.5
    )
    loss = gx.losses.weighted(gx.losses.least_squares(), g=2.0)
    first = gx.models.patch.xavier(args.init_gain)
    g = gx.models.translator.CUT(
        args.channels, args.g_width, blocks=args.blocks, kernel_init=first
    )
    d = gx.models.patch.CUT(args.d_width, halvings=args.halvings, kernel_init=first)
    players = {
        "g": gx.Player(g, adam),
        "f": gx.Player(patch_features.PatchFeatures(args.features, first), adam),
        "d": gx.Player(d, adam),
    }

    def init(key, turns):
        shape = len(turns.g.label), args.size, args.size, args.channels
        image = jnp.zeros(shape)
        label = translation.unlabeled(image)
        look = lambda: g.init_with_output(
            key, image, label, train=False, method="features"
        )
        maps = jax.tree.map(
            lambda x: jnp.zeros((x.shape[0], 1, x.shape[-1])), jax.eval_shape(look)[0]
        )
        inputs = {"g": (image, label), "f": (maps, label), "d": (image, label)}
        return multiplayer.init_players(players, key, inputs)

    def step(state, turns, on=gx.core.ONE):
        key = jax.random.fold_in(state.key, state.step)
        x_key, y_key, coin, place, d_key, g_key = jax.random.split(key, 6)
        b = len(turns.g.label)
        # x and y are of separate batches, as the two do not belong together.
        x = view.jitter(on.keys(x_key, b), of.x(turns.g.x))
        y = view.jitter(on.keys(y_key, b), of.y(turns.d.x)[0])
        label = translation.unlabeled(x)
        turned = jax.random.bernoulli(coin) & args.equivariance
        maybe = lambda image: jnp.where(turned, image[:, :, ::-1], image)

        def discriminator_loss(nets):
            g, d = (gx.core.output(nets[name]) for name in "gd")
            paid = loss.d(d(y, label), d(g(maybe(x), label), label))
            return multiplayer.Objective({"d": {"loss": paid}})

        def translate(nets):
            g, f, d = (gx.core.output(nets[name]) for name in "gfd")

            def nce(source, made):
                look = lambda image: g(image, label, method="features")
                q, k = [maybe(each) for each in look(made)], look(source)
                where = patch_features.sample_locations(place, k, args.patches)
                q, k = (
                    f(patch_features.gather_features(maps, where), label)
                    for maps in (q, k)
                )
                each = [
                    gx.regularizers.patch_nce(a, b, args.tau)
                    for a, b in zip(q, k, strict=True)
                ]
                return args.nce * sum(each, jnp.zeros(())) / len(each)

            to_y = g(maybe(x), label)
            logits = d(to_y, label)
            terms = {"loss": loss.g(logits, logits), "nce": nce(x, to_y)}
            if args.both:
                terms["nce_y"] = nce(y, g(maybe(y), label)) / 2
                terms["nce"] /= 2
            return multiplayer.Objective({"g": terms})

        state, d_logs, _ = multiplayer.turn(
            players, on, state, d_key, ("d",), discriminator_loss
        )
        state, g_logs, _ = multiplayer.turn(
            players, on, state, g_key, ("g", "f"), translate
        )
        return replace(state, step=state.step + 1), g_logs | d_logs

    def generate(state, x, label):
        return g.apply({"params": state.players["g"].params}, x, label, train=False)

    return translation.unpaired(init, step, generate, view, of)


def main(args: Args):
    spec = gx.Spec(args.data, args.size + args.margin, args.channels)
    return gx.train(
        make(args),
        spec._replace(target=args.target or args.data),
        args.run,
        config=args,
    )


if __name__ == "__main__":
    gx.command(main)
