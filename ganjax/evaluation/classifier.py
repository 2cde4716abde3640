"""A small classifier of the data itself, trained once: features where sets are small.

Its penultimate activations know the classes and nothing else, so a distance on them
is named after its weights and means nothing beside one on other weights.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Bool, Float, Int, Integer, UInt8

from ganjax.errors import Mistake
from ganjax.evaluation import cache as kept
from ganjax.evaluation.features import Features, fingerprint
from ganjax.gan import PyTree, pixels


BATCH = 500  # images seen at once when nothing is learned
BATCH_BYTES = (
    2**25
)  # of float32 images at once, in either case: layers hold many times that


@runtime_checkable
class Images(Protocol):
    """An array of images [n, h, w, c], or what is read like one (`scratch.Kept`)."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Any, /) -> np.ndarray: ...


class Classifier(NamedTuple):
    """What a trained classifier is good for; it takes images as `Features` do."""

    features: Features  # 128 penultimate activations, "classifier-<hash of weights>"
    probabilities: Callable[[np.ndarray], np.ndarray]  # images -> [n, classes]
    accuracy: float  # share of the test images that it names rightly, 0 to 1


class Settings(NamedTuple):
    """How the classifier is trained; each of them is part of the kept file's name."""

    steps: int = 3000
    batch: int = 128  # images a step
    rate: float = 2e-3  # Adam's learning rate at its height
    decay: float = 1e-3  # of the weights, decoupled
    mirror: bool = False  # half of the training images, left to right
    seed: int = 0


class Network(nn.Module):
    """3x3 convolutions of stride 2 down to 4 px, 128 features, then the classes."""

    classes: int
    widths: tuple[int, ...] = (16, 32, 64, 64, 64)

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b 128"], Float[Array, "b classes"]]:
        x = image
        for width in self.widths:
            if min(x.shape[1:3]) <= 4:
                break
            x = nn.relu(nn.Dense(width)(_patches(x)))
        x = nn.relu(nn.Dense(128)(x.reshape(len(x), -1)))
        return x, nn.Dense(self.classes)(x)


def train(
    images: UInt8[np.ndarray, "n h w c"] | Images,
    labels: Integer[np.ndarray, " _"],
    test_images: UInt8[np.ndarray, "m h w c"] | Images,
    test_labels: Integer[np.ndarray, " _"],
    *,
    classes: int,
    settings: Settings = Settings(),  # noqa: B008, a tuple never changes
    cache: Path | None = None,
) -> Classifier:
    """A classifier of `images`, trained now or found in the folder `cache`.

    It is kept under a hash of the data, the settings and JAX's version, by default in
    `$GANJAX_CACHE` or ~/.cache/ganjax, there in classifiers/. The test images only
    measure `accuracy`. `Mistake` if labels and images do not match.
    """
    for kind, x, y in (
        ("training", images, labels),
        ("test", test_images, test_labels),
    ):
        _check(kind, x, y, classes)
    net = Network(classes)
    shape = images.shape[1:]
    params = net.init(jax.random.key(settings.seed), jnp.zeros((1, *shape)))

    data = (images, labels, test_images, test_labels)
    path = (cache or kept.folder() / "classifiers") / _name(net, settings, data)
    arrays = kept.load(path, _pack(params, 0.0))
    if arrays is None:
        params = _fit(net, params, images, labels, settings)
        seen = _see(net, params, shape)
        decoded = (np.asarray(pixels(part)) for part in _parts(test_images))
        named = np.concatenate([seen(part)[1].argmax(1) for part in decoded])
        arrays = _pack(params, (named == test_labels).mean())
        kept.save(path, arrays)
    params, accuracy = _unpack(arrays)

    see = _see(net, params, shape)
    name = f"classifier-{fingerprint(*jax.tree.leaves(params))}"
    return Classifier(
        features=Features(name, lambda images: see(images)[0]),
        probabilities=lambda images: np.asarray(jax.nn.softmax(see(images)[1])),
        accuracy=accuracy,
    )


def _fit(
    net: Network,
    params: PyTree,
    images: Images,
    labels: Integer[np.ndarray, " n"],
    settings: Settings,
) -> PyTree:
    parts = _divisor(settings.batch, images.shape[1:])
    rate = optax.cosine_onecycle_schedule(settings.steps, settings.rate, 0.2, 10, 100)
    optim = optax.adamw(rate, weight_decay=settings.decay)

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params, opt, image, label, mirror):
        image = jnp.where(mirror[:, None, None, None], image[:, :, ::-1], image)

        def loss(params, image, label):
            logits = jnp.asarray(net.apply(params, pixels(image))[1])
            cross = optax.softmax_cross_entropy_with_integer_labels(logits, label)
            return cross.mean()

        if parts == 1:
            grads = jax.grad(loss)(params, image, label)
        else:  # the same mean, of large images a part of the batch at a time
            split = lambda x: x.reshape(parts, -1, *x.shape[1:])
            one = lambda part: jax.grad(loss)(params, *part)
            each = jax.lax.map(one, (split(image), split(label)))
            grads = jax.tree.map(lambda x: x.mean(0), each)
        updates, opt = optim.update(grads, opt, params)
        return optax.apply_updates(params, updates), opt

    opt = optim.init(params)
    for rows, mirror in _draws(len(images), settings):
        label = labels[rows].astype(np.int32)
        params, opt = step(params, opt, images[rows], label, mirror)
        if parts > 1:  # else large images are read ahead of the steps that take them
            jax.block_until_ready(params)
    return params


def _draws(
    n: int, settings: Settings
) -> Iterator[tuple[Int[np.ndarray, " b"], Bool[np.ndarray, " b"]]]:
    """For each step its images, all once before any comes again, and which to turn."""
    rng = np.random.default_rng(settings.seed)
    queue = np.empty(0, np.int64)
    for _ in range(settings.steps):
        while len(queue) < settings.batch:
            queue = np.concatenate([queue, rng.permutation(n)])
        rows, queue = np.split(queue, [settings.batch])
        yield rows, settings.mirror & (rng.random(settings.batch) < 0.5)


def _patches(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c9"]:
    """What a 3x3 kernel of stride 2 sees, so that the convolution is one product.

    On a CPU the gradients of XLA's own convolution took up to twice as long.
    """
    h, w = x.shape[1:3]
    x = jnp.pad(x, ((0, 0), (0, 2), (0, 2), (0, 0)))
    views = [x[:, i : i + h : 2, j : j + w : 2] for i in range(3) for j in range(3)]
    return jnp.concatenate(views, axis=-1)


def _see(
    net: Network, params: PyTree, shape: tuple[int, ...]
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """images -> (features, logits), some at a time."""
    apply = jax.jit(net.apply)

    def see(images):
        if images.shape[1:] != shape or len(images) == 0:
            raise Mistake(f"The classifier sees [n, *{shape}], not {images.shape}.")
        parts = (part.astype(np.float32) for part in _parts(images))
        features, logits = zip(*(apply(params, part) for part in parts), strict=True)
        return np.concatenate(features), np.concatenate(logits)

    return see


def _parts(images: Images) -> Iterator[np.ndarray]:
    """All images, as many at a time as are seen at once."""
    step = max(1, min(BATCH, BATCH_BYTES // (4 * math.prod(images.shape[1:]))))
    return (images[i : i + step] for i in range(0, len(images), step))


def _divisor(batch: int, shape: tuple[int, ...]) -> int:
    """In how many equal parts a batch is learned from, so that each is small."""
    most = max(1, BATCH_BYTES // (4 * math.prod(shape)))
    return next(n for n in range(1, batch + 1) if batch % n == 0 and batch // n <= most)


def _check(kind: str, images: Images, labels: np.ndarray, classes: int) -> None:
    if len(images.shape) != 4 or images.dtype != np.uint8:
        raise Mistake(f"The {kind} images must be uint8 [n, h, w, c].")
    if len(images) != len(labels) or len(images) == 0:
        raise Mistake(f"{len(images)} {kind} images have {len(labels)} labels.")
    if labels.min() < 0 or labels.max() >= classes:
        raise Mistake(f"The {kind} labels are not all in 0..{classes - 1}.")


def _name(net: Network, settings: Settings, data: tuple[Images, ...]) -> str:
    digest = hashlib.sha256(f"{jax.__version__} {net} {settings}".encode())
    for array in data:
        digest.update(f"{array.dtype}{array.shape}".encode())
        for part in _parts(array):
            digest.update(part.tobytes())
    return f"{digest.hexdigest()[:16]}.npz"


def _pack(params: PyTree, accuracy: float) -> dict[str, np.ndarray]:
    arrays = {k: np.asarray(v) for k, v in flatten_dict(params, sep="/").items()}
    return arrays | {"accuracy": np.array(accuracy, np.float64)}


def _unpack(arrays: dict[str, np.ndarray]) -> tuple[PyTree, float]:
    params = {k: v for k, v in arrays.items() if k != "accuracy"}
    return unflatten_dict(params, sep="/"), float(arrays["accuracy"])
