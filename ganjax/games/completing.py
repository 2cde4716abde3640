"""Games of completion: G makes up what a mask hides, and D is asked whether it fits.

As in DeepFill v2 (Yu et al., 2019) D sees the mask beside the image, and G also pays the
mean absolute difference between what it would have painted everywhere and what is there.
Nothing that is hidden reaches G.
"""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganjax.data.masks import Mask, fixed
from ganjax.games.table import Stake, Table, l1, seat, turn
from ganjax.games.translation import View, unlabelled
from ganjax.gan import (
    ONE,
    Devices,
    Game,
    Loss,
    Player,
    PyTree,
    Turns,
    check_turns,
    pixels,
)
from ganjax.models import gated


def completing(
    g: Player, d: Player, loss: Loss, mask: Mask, view: View, far: float = 1.0
) -> Game:
    """D moves, then G against the new D, each on images and masks of its own.

    `g`'s network is a `gated.Generator`; `far` weighs the absolute difference. Every row
    of every step has its own `mask`. A sample is asked for by an image as bytes with a
    last channel that is 255 where it is known, [n, h, w, c + 1]; what lies elsewhere is
    as good as not given. For pictures and scores the masks are fixed.
    """
    players = {"g": g, "d": d}

    def init(key, turns):
        check_turns(turns, ("g",))
        view.check(turns.g.image)
        b, *_, channels = turns.g.image.shape
        z = jnp.zeros((b, view.side, view.side, channels + 1))
        inputs = dict.fromkeys(players, (z, unlabelled(z)))
        return seat(players, key, inputs)

    def boards(key, turns, on):
        """D's and G's images, [2, b, h, w, c], and their masks, drawn at one place."""
        rows = lambda key: on.keys(key, len(turns.g.label))
        view_keys, mask_keys = (
            jnp.stack([rows(each) for each in jax.random.split(key)])
            for key in jax.random.split(key)
        )
        image = jnp.stack([turns.d.image[0], turns.g.image])
        hide = lambda key: mask(key, view.side, view.side)
        image = jax.vmap(view.jitter)(view_keys, pixels(image))
        return image, jax.vmap(jax.vmap(hide))(mask_keys)

    def paint(nets, image, hidden):
        z = gated.hide(image, hidden)
        return nets["g"](z, unlabelled(z), method="paint")

    def judge(nets, image, hidden, made):
        label, whole = unlabelled(image), gated.composite(image, hidden, made)
        beside = lambda x: jnp.concatenate([x, hidden], axis=-1)
        real, stats = nets["d"](beside(image), label)
        fake, stats = nets["d"](beside(whole), label, stats=stats)
        return real, fake, stats

    def step(state: Table, turns: Turns, on: Devices = ONE) -> tuple[Table, PyTree]:
        key = jax.random.fold_in(state.key, state.step)
        board_key, d_key, g_key = jax.random.split(key, 3)
        images, masks = boards(board_key, turns, on)

        def tell(nets):
            board = images[0], masks[0]
            made, _ = paint(nets, *board)
            real, fake, stats = judge(nets, *board, made)
            return Stake({"d": loss.d(real, fake)}, stats={"d": stats})

        def fill(nets):
            board = images[1], masks[1]
            made, stats = paint(nets, *board)
            real, fake, _ = judge(nets, *board, made)
            terms = {"g": loss.g(real, fake), "far": far * l1(made, board[0])}
            return Stake(terms, stats={"g": stats})

        moved, told, _ = turn(players, on, state, d_key, ("d",), tell)
        moved, logs, _ = turn(players, on, moved, g_key, ("g",), fill)
        return replace(moved, step=state.step + 1), {"loss": logs | told}

    def sample(state, key, asked):
        hidden = (asked[..., -1:] < 128).astype(jnp.float32)
        z = gated.hide(pixels(asked[..., :-1]), hidden)
        seated = state.players["g"]
        variables = {"params": seated.params, **seated.stats}
        made: Any = g.net.apply(variables, z, unlabelled(z), train=False)
        return made

    def ask(n, classes, images):
        known = np.uint8(255) * (fixed(mask, n, view.side) == 0)
        return np.concatenate([view.middle(images(n)), known], axis=-1)

    def show(asked, samples):
        known = asked[..., -1:] > 127
        return jnp.concatenate([jnp.where(known, samples, 1.0), samples], axis=2)

    decode = lambda stored: pixels(view.middle(stored))
    return Game(init, step, sample, decode, ask, show, classes=0)
