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

from ganjax import Game, Player, losses, train
from ganjax.data import Spec
from ganjax.games.table import Stake, seat, turn
from ganjax.games.translation import View, linear_decay, sides, translating, unlabelled
from ganjax.gan import ONE, pixels
from ganjax.models import patch, translator
from ganjax.models.patch_features import PatchFeatures, places, taken
from ganjax.regularizers import patch_nce
from ganjax.run import Cadence, Count, Flat, Positive, Run, Share, Weight, command
from ganjax.step import output


@dataclass(frozen=True)
class Args:
    run: Flat[Run] = Run("runs/cut", steps=2_514_800, batch=1)
    data: str = "tfds:cycle_gan:vangogh2photo"
    target: str = ""
    """Where images of the other kind are, if not in the splits trainB and testB."""
    reverse: bool = False
    """Makes the first kind of the second."""
    size: Count = 256
    margin: Cadence = 30
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    flip: bool = True
    """Half of the images are seen in a mirror: not for letters, numbers or maps."""
    channels: Count = 3
    g_width: Count = 64
    d_width: Count = 64
    blocks: Count = 9
    halvings: Count = 3
    """Of D: with 3 a logit sees 70 pixels, with 2 it sees 34."""
    nce: Weight = 1.0
    """How much it costs not to tell the places apart."""
    both: bool = True
    """Of y, which is to stay as it is, as well as of x."""
    equivariance: bool = False
    """The mirror image of x is to become that of its translation, half of the time."""
    init_gain: Positive = 0.02
    """First weights, as times those of Glorot & Bengio (2010)."""
    tau: Positive = 0.07
    patches: Count = 256
    """Places of each map."""
    features: Count = 256
    """What a place is told by."""
    lr: Positive = 2e-4
    flat: Share = 0.5
    """The share of the steps after which `lr` begins to fall."""


TINY = Args(
    Run("runs/tiny_cut", steps=4, batch=8, seed=1),
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


def make(args: Args) -> Game:
    view, of = View(args.size, args.margin, args.flip), sides(args.reverse)
    x_of, y_of = of
    adam = optax.adam(linear_decay(args.lr, args.run.steps, args.flat), b1=0.5)
    loss = losses.weighed(losses.least_squares(), g=2.0)
    first = patch.xavier(args.init_gain)
    g = translator.CUT(
        args.channels, args.g_width, blocks=args.blocks, kernel_init=first
    )
    d = patch.CUT(args.d_width, halvings=args.halvings, kernel_init=first)
    players = {
        "g": Player(g, adam),
        "f": Player(PatchFeatures(args.features, first), adam),
        "d": Player(d, adam),
    }

    def init(key, turns):
        shape = len(turns.g.label), args.size, args.size, args.channels
        image = jnp.zeros(shape)
        label = unlabelled(image)
        look = lambda: g.init_with_output(
            key, image, label, train=False, method="features"
        )
        maps = jax.tree.map(
            lambda x: jnp.zeros((x.shape[0], 1, x.shape[-1])), jax.eval_shape(look)[0]
        )
        inputs = {"g": (image, label), "f": (maps, label), "d": (image, label)}
        return seat(players, key, inputs)

    def step(state, turns, on=ONE):
        key = jax.random.fold_in(state.key, state.step)
        x_key, y_key, coin, place, d_key, g_key = jax.random.split(key, 6)
        b = len(turns.g.label)
        x = view.jitter(on.keys(x_key, b), pixels(x_of(turns.g.image)))
        y = view.jitter(on.keys(y_key, b), pixels(y_of(turns.d.image[0])))
        label = unlabelled(x)
        turned = jax.random.bernoulli(coin) & args.equivariance
        maybe = lambda image: jnp.where(turned, image[:, :, ::-1], image)

        def tell(nets):
            g, d = (output(nets[name]) for name in "gd")
            return Stake({"d": loss.d(d(y, label), d(g(maybe(x), label), label))})

        def translate(nets):
            g, f, d = (output(nets[name]) for name in "gfd")

            def nce(source, made):
                look = lambda image: g(image, label, method="features")
                q, k = [maybe(each) for each in look(made)], look(source)
                where = places(place, k, args.patches)
                q, k = (f(taken(maps, where), label) for maps in (q, k))
                each = [patch_nce(a, b, args.tau) for a, b in zip(q, k, strict=True)]
                return args.nce * sum(each, jnp.zeros(())) / len(each)

            to_y = g(maybe(x), label)
            logits = d(to_y, label)
            terms = {"g": loss.g(logits, logits), "nce": nce(x, to_y)}
            if args.both:
                terms["nce_y"] = nce(y, g(maybe(y), label)) / 2
                terms["nce"] /= 2
            return Stake(terms)

        moved, told, _ = turn(players, on, state, d_key, ("d",), tell)
        moved, logs, _ = turn(players, on, moved, g_key, ("g", "f"), translate)
        return replace(moved, step=state.step + 1), {"loss": logs | told}

    def sample(state, key, x, label):
        return g.apply({"params": state.players["g"].params}, x, label, train=False)

    return translating(init, step, sample, view, of)


def main(args: Args):
    spec = Spec(args.data, args.size + args.margin, args.channels)
    return train(args, make(args), spec._replace(beside=args.target or args.data))


if __name__ == "__main__":
    command(main)
