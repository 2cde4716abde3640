"""The game of inpainting: G fills in what a mask hides, and D judges the completed image.

It follows DeepFill v2 (Yu et al., 2019): D sees the mask as one more channel of the image,
and G's objective has, besides D's loss, the mean absolute difference between G's output at
all pixels, hidden or not, and the original. G never sees a hidden pixel.
"""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from ganjax.core import (
    ONE,
    Devices,
    Game,
    Inpainting,
    Loss,
    Masked,
    Player,
    PyTree,
    Turns,
    as_turns,
    check_turns,
)
from ganjax.games.multiplayer import (
    MultiplayerState,
    Objective,
    init_players,
    l1,
    turn,
    variables,
)
from ganjax.games.translation import View, no_latents, unlabeled
from ganjax.modalities import IMAGES
from ganjax.models import gated
from ganjax.ops.masks import Mask, fixed_masks


def inpainting(
    g: Player, d: Player, loss: Loss, mask: Mask, view: View, l1_weight: float = 1.0
) -> Game:
    """Makes the game in which D moves, then G against the new D, each on its own batch.

    A sample's condition is a `Masked`. For pictures and scores the masks are fixed.

    Args:
        g: its network is a `models.gated.Generator`.
        d: its network takes images with the mask as a last channel.
        loss: the adversarial loss of both.
        mask: draws what is hidden; every row of every step has a mask of its own.
        view: which part of the stored images is used.
        l1_weight: the weight of the mean absolute difference in G's objective.
    """
    players = {"g": g, "d": d}

    def init(key, turns):
        turns = as_turns(turns)
        check_turns(turns, ("g",))
        view.check(turns.g.x)
        b, *_, channels = turns.g.x.shape
        # Both networks take the mask as a last channel.
        image = jnp.zeros((b, view.side, view.side, channels + 1))
        inputs = dict.fromkeys(players, (image, unlabeled(image)))
        return init_players(players, key, inputs)

    def masked_batches(key, turns, on):
        """D's and G's images, [2, b, h, w, c], and their masks, of this device's rows."""
        view_key, mask_key = jax.random.split(key)
        n = len(turns.g.label)

        # D's batch and G's are stacked, [2, b, ...]: one program crops and masks both.
        def keys_of_both(key):
            return jnp.stack([on.keys(each, n) for each in jax.random.split(key)])

        image = jnp.stack([turns.d.x[0], turns.g.x])
        image = jax.vmap(view.jitter)(keys_of_both(view_key), image)
        hide = lambda key: mask(key, view.side, view.side)
        return image, jax.vmap(jax.vmap(hide))(keys_of_both(mask_key))

    def paint(nets, image, hidden):
        masked = gated.hide(image, hidden)
        return nets["g"](masked, unlabeled(masked), method="paint")

    # D judges the completed image: known pixels of the original, and hidden ones of G's.
    def judge(nets, image, hidden, made):
        label = unlabeled(image)
        completed = gated.composite(image, hidden, made)
        with_mask = lambda x: jnp.concatenate([x, hidden], axis=-1)
        real, stats = nets["d"](with_mask(image), label)
        fake, stats = nets["d"](with_mask(completed), label, stats=stats)
        return real, fake, stats

    def step(
        state: MultiplayerState, turns: Turns, on: Devices = ONE
    ) -> tuple[MultiplayerState, PyTree]:
        key = jax.random.fold_in(state.key, state.step)
        batch_key, d_key, g_key = jax.random.split(key, 3)
        images, masks = masked_batches(batch_key, turns, on)

        def discriminator_loss(nets):
            made, _ = paint(nets, images[0], masks[0])
            real, fake, stats = judge(nets, images[0], masks[0], made)
            return Objective({"d": {"loss": loss.d(real, fake)}}, stats={"d": stats})

        def generator_loss(nets):
            made, stats = paint(nets, images[1], masks[1])
            real, fake, _ = judge(nets, images[1], masks[1], made)
            # Of G's own output: the completed image agrees at known pixels anyway.
            difference = l1_weight * l1(made, images[1])
            terms = {"loss": loss.g(real, fake), "l1": difference}
            return Objective({"g": terms}, stats={"g": stats})

        state, d_logs, _ = turn(players, on, state, d_key, ("d",), discriminator_loss)
        state, g_logs, _ = turn(players, on, state, g_key, ("g",), generator_loss)
        return replace(state, step=state.step + 1), g_logs | d_logs

    def generate(state, z, condition, key):
        masked = gated.hide(condition.image, condition.mask)
        # Called without a method, G returns the completed image.
        made: Any = g.net.apply(
            variables(state, "g"), masked, unlabeled(masked), train=False
        )
        return made

    # Conditions for pictures and scores have the same masks at every step, so that these
    # can be compared over the training.
    def condition_of(x):
        image = view.middle(x)
        # The masks are constants. Also where shapes alone are looked at, in a trace, they
        # are drawn here and now.
        with jax.ensure_compile_time_eval():
            hidden = jnp.asarray(fixed_masks(mask, len(image), view.side), jnp.float32)
        return Masked(image, hidden)

    return Game(
        init=init,
        step=step,
        latents=no_latents,
        generate=generate,
        modality=IMAGES,
        conditions=Inpainting(source=condition_of),
        real=view.middle,
    )
