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

import ganjax as gx
from ganjax.games import multiplayer, pool, translation


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/cyclegan", steps=1_257_400, batch=1)
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
    """Of G and F; 6 below 256 pixels."""
    halvings: gx.PositiveInt = 3
    """Of D's: with 3 a logit sees 70 pixels, with 2 it sees 34."""
    cycle: gx.NonNegativeFloat = 10.0
    """How much it costs not to come back."""
    identity: gx.NonNegativeFloat = 0.5
    """And to change what is of the target's kind already, as a share of that."""
    pool: gx.PositiveInt = 50
    lr: gx.PositiveFloat = 2e-4


TINY = Args(
    gx.Run("runs/tiny_cyclegan", steps=4, batch=8, seed=1),
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

    x: gx.core.PyTree
    y: gx.core.PyTree


def make(args: Args) -> gx.Game:
    view = translation.View(args.size, args.margin, args.flip)
    of = translation.sides(args.reverse)
    adam = optax.adam(translation.linear_decay(args.lr, args.run.steps), b1=0.5)
    loss = gx.losses.weighted(gx.losses.least_squares(), g=2.0)
    g = gx.models.translator.Generator(args.channels, args.g_width, blocks=args.blocks)
    d = gx.models.patch.Discriminator(args.d_width, halvings=args.halvings)
    players = {name: gx.Player(g, adam) for name in ("g", "f")}
    players |= {name: gx.Player(d, adam) for name in ("d_x", "d_y")}

    def init(key, turns):
        shape = len(turns.g.label), args.size, args.size, args.channels
        image = jnp.zeros(shape)
        inputs = dict.fromkeys(players, (image, translation.unlabeled(image)))
        pools = (pool.empty(image[0], args.pool) for _ in range(2))
        return multiplayer.init_players(players, key, inputs, Pools(*pools))

    def step(state, turns, on=gx.core.ONE):
        key = jax.random.fold_in(state.key, state.step)
        keys = jax.random.split(key, 6)
        rows = [on.keys(key, len(turns.g.label)) for key in keys[:2]]
        # x and y are of separate batches, as the two do not belong together.
        x = view.jitter(rows[0], of.x(turns.g.x))
        y = view.jitter(rows[1], of.y(turns.d.x)[0])
        label = translation.unlabeled(x)

        def translate(nets):
            see = lambda net: lambda image: gx.core.output(net)(image, label)
            g, f, d_x, d_y = (see(nets[name]) for name in players)
            to_y, to_x = g(x), f(y)
            on_y, on_x = d_y(to_y), d_x(to_x)
            terms = {
                "g": {
                    "loss": loss.g(on_y, on_y),
                    "cycle": args.cycle * multiplayer.l1(f(to_y), x),
                    "identity": args.cycle * args.identity * multiplayer.l1(g(y), y),
                },
                "f": {
                    "loss": loss.g(on_x, on_x),
                    "cycle": args.cycle * multiplayer.l1(g(to_x), y),
                    "identity": args.cycle * args.identity * multiplayer.l1(f(x), x),
                },
            }
            return multiplayer.Objective(terms, rows=(to_x, to_y))

        moved, g_logs, (to_x, to_y) = multiplayer.turn(
            players, on, state, keys[2], ("g", "f"), translate
        )

        def shown(pooled, made, key):
            made = multiplayer.all_rows(on, made)
            pooled, old = pool.query(pooled, made, gx.core.ONE.keys(key, len(made)))
            return pooled, multiplayer.rows_of_device(on, old)

        pool_x, old_x = shown(state.memory.x, to_x, keys[3])
        pool_y, old_y = shown(state.memory.y, to_y, keys[4])

        def discriminator_loss(nets):
            d_x, d_y = (gx.core.output(nets[name]) for name in ("d_x", "d_y"))
            terms = {
                "d_x": {"loss": loss.d(d_x(x, label), d_x(old_x, label))},
                "d_y": {"loss": loss.d(d_y(y, label), d_y(old_y, label))},
            }
            return multiplayer.Objective(terms)

        moved, d_logs, _ = multiplayer.turn(
            players, on, moved, keys[5], ("d_x", "d_y"), discriminator_loss
        )
        after = replace(moved, step=state.step + 1, memory=Pools(pool_x, pool_y))
        return after, g_logs | d_logs

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
