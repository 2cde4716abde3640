"""What CycleGAN, pix2pix and CUT make of drawn weights, for the tests to compare with.

`python tools/fixtures_translation.py CHECKOUT` takes a checkout of
taesungp/contrastive-unpaired-translation, which has the networks of all three, and writes
the tests' fixtures {cyclegan,pix2pix,cut}_*.npz and translation.npz. It also prints how
many parameters the published networks have. Needs PyTorch.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import torch
from torch_side import Args, channels_last, count, keep, nchw, released, seat
from weights import by_fan_in, drawn

from ganjax.games import pool
from ganjax.run import command


CONSTANT = "filt", "num_batches_tracked"
STRIDED = {"no_antialias": True, "no_antialias_up": True}
BLOCKS, N = 5, 12
LAYERS = [0, 4, 8, 12, 16]
CHANNELS = 3, 8, 16, 16, 16


def players(networks: Any, **sizes: Any) -> dict[str, torch.nn.Module]:
    """All networks but F; `sizes` are those of the fixtures, or else the published."""
    g, d, blocks = sizes.get("g", 64), sizes.get("d", 64), sizes.get("blocks", 9)
    halvings, depth = sizes.get("halvings", 3), sizes.get("depth", 8)
    instance, batch = map(networks.get_norm_layer, ("instance", "batch"))
    residual = partial(networks.ResnetGenerator, 3, 3, g, instance, n_blocks=blocks)
    judge = partial(networks.NLayerDiscriminator, ndf=d, n_layers=halvings)
    return {
        "cyclegan_g": residual(**STRIDED),
        "cut_g": residual(),
        "pix2pix_g": networks.UnetGenerator(3, 3, depth, g, batch, use_dropout=True),
        "cyclegan_d": judge(3, norm_layer=instance, no_antialias=True),
        "cut_d": judge(3, norm_layer=instance),
        "pix2pix_d": judge(6, norm_layer=batch, no_antialias=True),
    }


def sampler(networks: Any, width: int, channels: tuple[int, ...]) -> Any:
    """F, whose layers are made when it first sees maps."""
    net = networks.PatchSampleF(use_mlp=True, nc=width)
    net.create_mlp([torch.zeros(1, c, 1, 1) for c in channels])
    return net


def nce(patchnce: Any, q: np.ndarray, k: np.ndarray, everywhere: bool) -> Any:
    """PatchNCE and its gradients by q and by k, in float64."""
    options = SimpleNamespace(
        batch_size=len(q),
        nce_T=0.07,
        nce_includes_all_negatives_from_minibatch=everywhere,
    )
    given = [torch.tensor(np.float64(x), requires_grad=True) for x in (q, k)]
    flat = [x.flatten(0, 1) for x in given]
    loss = patchnce.PatchNCELoss(options)(*flat).mean()
    loss.backward()
    assert given[1].grad is None
    return loss.item(), given[0].grad


def adversarial(networks: Any, mode: str, real: np.ndarray, fake: np.ndarray) -> Any:
    """D's loss and G's as the models add them up."""
    loss = networks.GANLoss(mode)
    real, fake = torch.from_numpy(real), torch.from_numpy(fake)
    d = (loss(real, True) + loss(fake, False)) * 0.5
    return [d.item(), loss(fake, True).item()]


def history(image_pool: Any, size: int, batches: int, rows: int) -> np.ndarray:
    """Which image the pool shows in the place of each, with our draws for its own."""
    past = image_pool.ImagePool(size)
    shown = []
    for i in range(batches):
        numbers = np.arange(i * rows, (i + 1) * rows)
        keys = jax.vmap(lambda n: jax.random.fold_in(jax.random.key(0), n))(numbers)
        coins, places = jax.vmap(lambda key: pool.draw_exchange(key, size))(keys)
        if i * rows < size:  # then it draws nothing for the first of them
            coins, places = coins[size - i * rows :], places[size - i * rows :]
        turn = iter(zip(coins.tolist(), places.tolist(), strict=True))
        now = [0, 0]

        def uniform(low, high, turn=turn, now=now):
            now[:] = next(turn)
            return 0.75 if now[0] else 0.25

        image_pool.random = SimpleNamespace(
            uniform=uniform, randint=lambda low, high, now=now: now[1]
        )
        images = torch.from_numpy(numbers.astype(np.float32))[:, None]
        shown.append(past.query(images)[:, 0].numpy())
    return np.stack(shown)


def main(args: Args) -> None:
    networks = released(args.checkout, "models.networks")
    patchnce = released(args.checkout, "models.patchnce")
    image_pool = released(args.checkout, "util.image_pool")

    nets = players(networks, g=4, d=4, blocks=BLOCKS, halvings=2, depth=6)
    for name, net in nets.items():
        seat(net, by_fan_in, CONSTANT).eval()
        side = 64 if name == "pix2pix_g" else 16
        x = np.tanh(drawn("image", (4, side, side, 6 if name == "pix2pix_d" else 3)))
        with torch.no_grad():
            y = net(nchw(x))
        y = channels_last(y) if name.endswith("g") else y.flatten(1)
        more = {"every": 4} if side == 64 else {}
        y = y[:, ::4, ::4] if more else y
        keep(args.out, name, label=np.zeros(4, np.int64), output=y, **more)

    f = seat(sampler(networks, 8, CHANNELS), by_fan_in)
    given = [np.tanh(drawn(f"features {i}", (4, N, c))) for i, c in enumerate(CHANNELS)]
    maps = [torch.from_numpy(x).movedim(-1, 1)[..., None] for x in given]
    made, _ = f(maps, N, [np.arange(N)] * len(maps))
    made = np.stack([x.detach().unflatten(0, (4, N)).numpy() for x in made])
    keep(args.out, "cut_f", label=np.zeros(4, np.int64), output=made)

    kept = {}
    x = np.tanh(drawn("image", (4, 16, 16, 3)))
    with torch.no_grad():
        maps = nets["cut_g"](nchw(x), LAYERS, encode_only=True)
    places = [np.arange(0, m.shape[2] * m.shape[3], 2)[:N] for m in maps]
    made, _ = f(maps, N, places)
    for i, (m, y) in enumerate(zip(maps, made, strict=True)):
        kept[f"map {i}"] = channels_last(m[:2])
        kept[f"made {i}"] = y.detach().unflatten(0, (4, -1)).numpy()

    q, k = (drawn(name, (2, 6, 5)) for name in ("q", "k"))
    q, k = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (q, k))
    for name, everywhere in (("own", False), ("all", True)):
        kept[f"nce {name}"], kept[f"slope {name}"] = nce(patchnce, q, k, everywhere)
    real, fake = drawn("real logits", (4, 9)), drawn("fake logits", (4, 9))
    for mode in ("lsgan", "vanilla"):
        kept[mode] = adversarial(networks, mode, real, fake)
    kept["shown"] = history(image_pool, 5, 12, 3)
    keep(args.out, "translation", **kept)

    sizes = {"": {}, "smaller ": {"blocks": 6, "depth": 7}, "deeper ": {"halvings": 5}}
    for name, size in sizes.items():
        nets = players(networks, **size)
        print(name, dict(zip(nets, count(nets.values()), strict=True)))
    print("cut_f", count([sampler(networks, 256, (3, 128, 256, 256, 256))]))


if __name__ == "__main__":
    command(main)
