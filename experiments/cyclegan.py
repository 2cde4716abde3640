"""CycleGAN (Zhu et al., 2017): images of one kind as another kind, and back, without pairs.

G makes y of x and F makes x of y; each is to undo the other. The numbers are those of the
authors' code: least squares, images of 286 pixels of which any 256 are seen, D's shown 50
earlier images, a rate that falls over the second half of 200 epochs. G makes photographs of
`vangogh2photo`'s paintings, and with `--reverse` paintings of its photographs. The data is
a set of TensorFlow Datasets or a folder with trainA and trainB, or two places:

    --data photographs/ --target paintings/
"""

from dataclasses import dataclass, replace

import flax.struct
import jax
import jax.numpy as jnp
import optax

from ganjax import Game, Player, losses, train
from ganjax.core import ONE, PyTree, output
from ganjax.data import Spec
from ganjax.games import pool
from ganjax.games.multiplayer import (
    Objective,
    all_rows,
    init_players,
    l1,
    rows_of_device,
    turn,
)
from ganjax.games.translation import View, linear_decay, sides, unlabeled, unpaired
from ganjax.models import patch, translator
from ganjax.run import (
    NonNegativeFloat,
    NonNegativeInt,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
    command,
)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/cyclegan", steps=1_257_400, batch=1)
    data: str = "tfds:cycle_gan:vangogh2photo"
    target: str = ""
    """Where images of the other kind are, if not in the splits trainB and testB."""
    reverse: bool = False
    """Makes the first kind of the second."""
    size: PositiveInt = 256
    margin: NonNegativeInt = 30
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    flip: bool = True
    """Half of the images are seen in a mirror: not for letters, numbers or maps."""
    channels: PositiveInt = 3
    g_width: PositiveInt = 64
    d_width: PositiveInt = 64
    blocks: PositiveInt = 9
    """Of G and F; 6 below 256 pixels."""
    halvings: PositiveInt = 3
    """Of D's: with 3 a logit sees 70 pixels, with 2 it sees 34."""
    cycle: NonNegativeFloat = 10.0
    """How much it costs not to come back."""
    identity: NonNegativeFloat = 0.5
    """And to change what is of the target's kind already, as a share of that."""
    pool: PositiveInt = 50
    lr: PositiveFloat = 2e-4


TINY = Args(
    Run("runs/tiny_cyclegan", steps=4, batch=8, seed=1),
    data="digits",
    target="digits",
    size=16,
    margin=4,
    channels=1,
    g_width=4,
    d_width=4,
    blocks=1,
    halvings=1,
    cycle=1.0,
    pool=12,
)


@flax.struct.dataclass
class Pools:
    """Images that G and F made before."""

    x: PyTree
    y: PyTree


def make(args: Args) -> Game:
    view = View(args.size, args.margin, args.flip)
    of = sides(args.reverse)
    adam = optax.adam(linear_decay(args.lr, args.run.steps), b1=0.5)
    loss = losses.weighted(losses.least_squares(), g=2.0)
    g = translator.Generator(args.channels, args.g_width, blocks=args.blocks)
    d = patch.Discriminator(args.d_width, halvings=args.halvings)
    players = {name: Player(g, adam) for name in ("g", "f")}
    players |= {name: Player(d, adam) for name in ("d_x", "d_y")}

    def init(key, turns):
        shape = len(turns.g.label), args.size, args.size, args.channels
        image = jnp.zeros(shape)
        inputs = dict.fromkeys(players, (image, unlabeled(image)))
        pools = (pool.empty(image[0], args.pool) for _ in range(2))
        return init_players(players, key, inputs, Pools(*pools))

    def step(state, turns, on=ONE):
        key = jax.random.fold_in(state.key, state.step)
        keys = jax.random.split(key, 6)
        rows = [on.keys(key, len(turns.g.label)) for key in keys[:2]]
        # x and y are of separate batches, as the two do not belong together.
        x = view.jitter(rows[0], of.x(turns.g.x))
        y = view.jitter(rows[1], of.y(turns.d.x)[0])
        label = unlabeled(x)

        def translate(nets):
            see = lambda net: lambda image: output(net)(image, label)
            g, f, d_x, d_y = (see(nets[name]) for name in players)
            to_y, to_x = g(x), f(y)
            on_y, on_x = d_y(to_y), d_x(to_x)
            terms = {
                "g": {
                    "loss": loss.g(on_y, on_y),
                    "cycle": args.cycle * l1(f(to_y), x),
                    "identity": args.cycle * args.identity * l1(g(y), y),
                },
                "f": {
                    "loss": loss.g(on_x, on_x),
                    "cycle": args.cycle * l1(g(to_x), y),
                    "identity": args.cycle * args.identity * l1(f(x), x),
                },
            }
            return Objective(terms, rows=(to_x, to_y))

        moved, g_logs, (to_x, to_y) = turn(
            players, on, state, keys[2], ("g", "f"), translate
        )

        def shown(pooled, made, key):
            made = all_rows(on, made)
            pooled, old = pool.query(pooled, made, ONE.keys(key, len(made)))
            return pooled, rows_of_device(on, old)

        pool_x, old_x = shown(state.memory.x, to_x, keys[3])
        pool_y, old_y = shown(state.memory.y, to_y, keys[4])

        def discriminator_loss(nets):
            d_x, d_y = (output(nets[name]) for name in ("d_x", "d_y"))
            terms = {
                "d_x": {"loss": loss.d(d_x(x, label), d_x(old_x, label))},
                "d_y": {"loss": loss.d(d_y(y, label), d_y(old_y, label))},
            }
            return Objective(terms)

        moved, d_logs, _ = turn(
            players, on, moved, keys[5], ("d_x", "d_y"), discriminator_loss
        )
        after = replace(moved, step=state.step + 1, memory=Pools(pool_x, pool_y))
        return after, g_logs | d_logs

    def generate(state, x, label):
        return g.apply({"params": state.players["g"].params}, x, label, train=False)

    return unpaired(init, step, generate, view, of)


def main(args: Args):
    spec = Spec(args.data, args.size + args.margin, args.channels)
    return train(args, make(args), spec._replace(target=args.target or args.data))


if __name__ == "__main__":
    command(main)
