"""Image completion (Yu et al., 2019): what is missing from a photograph, made up.

DeepFill v2's networks in one stage, its loss (hinge on an SN-PatchGAN's logits, and the
mean absolute difference) and its optimizers. Every example of every step has a mask of its
own: DeepFill's boxes and brush strokes, or LaMa's (Suvorov et al., 2021) thin, medium or
thick ones. `ganjax complete RUN photo.png --mask mask.png` fills photographs of any size;
`ganjax translate RUN folder/` what is transparent in a folder of images.
"""

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ganjax import Game, Player, losses, train
from ganjax.data import Spec, masks
from ganjax.games.table import Stake, l1, seat, turn
from ganjax.games.translation import View, unlabelled
from ganjax.gan import ONE, pixels
from ganjax.models import gated, sn_patch
from ganjax.run import Cadence, Count, Flat, Positive, Run, Weight, command
from ganjax.step import output


@dataclass(frozen=True)
class Args:
    run: Flat[Run] = Run("runs/completion", steps=100_000, batch=16)
    data: str = "photographs"
    size: Count = 64
    margin: Cadence = 0
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    channels: Count = 3
    g_width: Count = 24
    """Channels at the full size; the published 48 count the gates, too."""
    d_widths: tuple[Count, ...] = (64, 128, 256, 256)
    """Each halves the image; for 256 pixels 64 128 256 256 256 256."""
    far: Weight = 1.0
    """How much the mean absolute difference costs."""
    lr: Positive = 1e-4


TINY = Args(
    Run("runs/tiny_completion", steps=4, batch=8, seed=1),
    size=16,
    g_width=2,
    d_widths=(4, 4),
)

MASK = masks.one_of(
    masks.union(masks.box(), masks.free_form()),
    masks.thin(),
    masks.medium(),
    masks.thick(),
)


def make(args: Args) -> Game:
    view = View(args.size, args.margin)
    adam = optax.adam(args.lr, b1=0.5)
    players = {
        "g": Player(gated.Generator(args.g_width), adam),
        "d": Player(sn_patch.Discriminator(args.d_widths), adam),
    }
    loss = losses.hinge()

    def init(key, turns):
        shape = len(turns.g.label), args.size, args.size, args.channels + 1
        z = jnp.zeros(shape)
        inputs = dict.fromkeys(players, (z, unlabelled(z)))
        return seat(players, key, inputs)

    def step(state, turns, on=ONE):
        key = jax.random.fold_in(state.key, state.step)
        d_key, g_key = jax.random.split(jax.random.fold_in(key, 2))

        def seen(i, batch):
            view_key, mask_key = jax.random.split(jax.random.fold_in(key, i))
            rows = lambda key: on.keys(key, len(batch.label))
            image = view.jitter(rows(view_key), pixels(batch.image))
            hide = lambda key: MASK(key, *image.shape[1:3])
            return image, jax.vmap(hide)(rows(mask_key)), unlabelled(image)

        def judge(nets, image, mask, label, made):
            whole = gated.composite(image, mask, made)
            beside = lambda x: jnp.concatenate([x, mask], axis=-1)
            real, stats = nets["d"](beside(image), label)
            fake, stats = nets["d"](beside(whole), label, stats=stats)
            return real, fake, stats

        def paint(nets, image, mask, label):
            z = gated.hide(image, mask)
            return output(nets["g"])(z, label, method="paint")

        def tell(nets):
            board = seen(0, jax.tree.map(lambda x: x[0], turns.d))
            real, fake, stats = judge(nets, *board, paint(nets, *board))
            return Stake({"d": loss.d(real, fake)}, stats={"d": stats})

        def fill(nets):
            board = seen(1, turns.g)
            made = paint(nets, *board)
            real, fake, _ = judge(nets, *board, made)
            far = args.far * l1(made, board[0])
            return Stake({"g": loss.g(real, fake), "far": far})

        moved, told, _ = turn(players, on, state, d_key, ("d",), tell)
        moved, logs, _ = turn(players, on, moved, g_key, ("g",), fill)
        return replace(moved, step=state.step + 1), {"loss": logs | told}

    def sample(state, key, asked) -> Any:
        mask = (asked[..., -1:] < 128).astype(jnp.float32)
        z = jnp.concatenate([pixels(asked[..., :-1]), mask], axis=-1)
        variables = {"params": state.players["g"].params}
        return players["g"].net.apply(variables, z, unlabelled(z), train=False)

    def ask(n, classes, images):
        hidden = masks.fixed(MASK, n, args.size)
        known = np.uint8(255) * (hidden == 0)
        return np.concatenate([view.middle(images(n)), known], axis=-1)

    def show(asked, samples):
        known = asked[..., -1:] > 127
        return jnp.concatenate([jnp.where(known, samples, 1.0), samples], axis=2)

    decode = lambda stored: pixels(view.middle(stored))
    return Game(init, step, sample, decode, ask, show)


def main(args: Args):
    return train(
        args, make(args), Spec(args.data, args.size + args.margin, args.channels)
    )


if __name__ == "__main__":
    command(main)
