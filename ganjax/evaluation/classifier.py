"""A small classifier that is trained on the data itself, for features and accuracies.

Inception's features mean little on small or unusual images and need a download. This
classifier is trained once for a data set, within minutes on a CPU, and cached. Its
penultimate activations distinguish the classes and little else. Scores on them have a hash
of its weights in their name, and must not be compared with scores on other weights.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
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

from ganjax.core import PyTree, pixels
from ganjax.errors import UsageError
from ganjax.evaluation.features import Features, fingerprint
from ganjax.store import cache as classifier_cache
from ganjax.store.hashing import sha256


MAX_INFERENCE_BATCH = 500  # images
# Of the float32 images of a batch in training and inference; layers hold many times that.
MAX_BATCH_BYTES = 2**25


@runtime_checkable
class Images(Protocol):
    """An array of images [n, h, w, c], or an object that is indexed like one.

    The latter is `ganjax.evaluation.StoredImages`, for images that do not fit in memory.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Any, /) -> np.ndarray: ...


class Classifier(NamedTuple):
    """A trained classifier."""

    features: Features
    """The 128 penultimate activations, named "classifier-<hash of the weights>"."""

    probabilities: Callable[[np.ndarray], np.ndarray]
    """Images in [-1, 1] -> probabilities [n, classes]."""

    accuracy: float
    """Fraction of the test images that are classified correctly."""


class LabeledImages(NamedTuple):
    """What a classifier learns from, and what it is tested on."""

    images: Images  # uint8 [n, h, w, c]
    labels: Integer[np.ndarray, " n"]
    test_images: Images  # which are not trained on
    test_labels: Integer[np.ndarray, " m"]


class Settings(NamedTuple):
    """How the classifier is trained.

    The file name in the cache is a hash of these, by names and values.
    """

    steps: int = 3000
    batch: int = 128  # images per step
    rate: float = 2e-3  # peak learning rate of Adam, on a one-cycle schedule
    decay: float = 1e-3  # decoupled weight decay
    mirror: bool = False  # flip half of the training images horizontally
    seed: int = 0


class Network(nn.Module):
    """3x3 convolutions of stride 2 down to 4 px, 128 features, then the logits.

    Attributes:
        classes: the number of classes.
        widths: the channels of each convolution, of which small images use the first few.
    """

    classes: int
    widths: tuple[int, ...] = (16, 32, 64, 64, 64)

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b 128"], Float[Array, "b classes"]]:
        x = image
        for width in self.widths:
            # Small images need fewer halvings.
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
    """Trains a classifier, or loads it from the cache.

    It is cached under a hash of the data, the settings and the version of JAX.

    Args:
        images: training images as bytes.
        labels: their classes, 0 to classes - 1.
        test_images: images on which `accuracy` is measured; they are not trained on.
        test_labels: their classes.
        classes: the number of classes.
        settings: how to train.
        cache: the folder of cached classifiers; by default `classifiers` in `$GANJAX_CACHE`
            or ~/.cache/ganjax.

    Raises:
        UsageError: images and labels do not match.
    """
    _check_labels("training", images, labels, classes)
    _check_labels("test", test_images, test_labels, classes)
    data = LabeledImages(images, labels, test_images, test_labels)
    return load_or_train(
        contents(data),
        lambda: data,
        shape=images.shape[1:],
        classes=classes,
        settings=settings,
        cache=cache,
    )


def load_or_train(
    identity: Iterable[str | bytes],
    read: Callable[[], LabeledImages],
    *,
    shape: tuple[int, ...],
    classes: int,
    settings: Settings = Settings(),  # noqa: B008, a tuple never changes
    cache: Path | None = None,
) -> Classifier:
    """Trains a classifier as `train` does, and reads the images only if it has to.

    Args:
        identity: what tells the data from all other data; `contents` is a hash of all
            of it.
        read: returns the data, if there is no such classifier in the cache.
        shape: the shape of one image, [h, w, c].
        classes: the number of classes.
        settings: how to train.
        cache: as that of `train`.

    Raises:
        UsageError: images and labels do not match.
    """
    net = Network(classes)
    params = net.init(jax.random.key(settings.seed), jnp.zeros((1, *shape)))

    folder = cache or classifier_cache.folder() / "classifiers"
    path = folder / _cache_name(net, settings, identity)
    # The initial parameters are given for the names and shapes that the file must have.
    arrays = classifier_cache.load(path, _pack(params, 0.0))
    if arrays is None:
        data = read()
        _check_labels("training", data.images, data.labels, classes)
        _check_labels("test", data.test_images, data.test_labels, classes)
        params = _fit(net, params, data.images, data.labels, settings)
        apply = _batched_apply(net, params, shape)
        batches = (np.asarray(pixels(batch)) for batch in _batches(data.test_images))
        predicted = np.concatenate([apply(batch)[1].argmax(1) for batch in batches])
        arrays = _pack(params, (predicted == data.test_labels).mean())
        classifier_cache.save(path, arrays)
    params, accuracy = _unpack(arrays)

    apply = _batched_apply(net, params, shape)
    name = f"classifier-{fingerprint(*jax.tree.leaves(params))}"
    last = params["params"]["Dense_" + str(len(params["params"]) - 1)]

    def classify(features: np.ndarray) -> np.ndarray:
        return np.asarray(jax.nn.softmax(features @ last["kernel"] + last["bias"]))

    return Classifier(
        features=Features(name, lambda images: apply(images)[0], classify),
        probabilities=lambda images: np.asarray(jax.nn.softmax(apply(images)[1])),
        accuracy=accuracy,
    )


def _fit(
    net: Network,
    params: PyTree,
    images: Images,
    labels: Integer[np.ndarray, " n"],
    settings: Settings,
) -> PyTree:
    parts = _num_parts(settings.batch, images.shape[1:])
    # The rate rises from a tenth of the peak over the first fifth of the steps, then falls.
    rate = optax.cosine_onecycle_schedule(
        settings.steps,
        settings.rate,
        pct_start=0.2,
        div_factor=10,
        final_div_factor=100,
    )
    optim = optax.adamw(rate, weight_decay=settings.decay)

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params, opt, image, label, mirror):
        image = jnp.where(mirror[:, None, None, None], image[:, :, ::-1], image)

        def loss(params, image, label):
            logits = jnp.asarray(net.apply(params, pixels(image))[1])
            cross_entropy = optax.softmax_cross_entropy_with_integer_labels(
                logits, label
            )
            return cross_entropy.mean()

        def grad_of(part):
            return jax.grad(loss)(params, *part)

        if parts == 1:
            grads = grad_of((image, label))
        else:
            # Large images: the same gradient, as a mean over equal parts of the batch.
            split = lambda x: x.reshape(parts, -1, *x.shape[1:])
            each = jax.lax.map(grad_of, (split(image), split(label)))
            grads = jax.tree.map(lambda x: x.mean(0), each)
        updates, opt = optim.update(grads, opt, params)
        return optax.apply_updates(params, updates), opt

    opt = optim.init(params)
    for rows, mirror in _training_rows(len(images), settings):
        label = labels[rows].astype(np.int32)
        params, opt = step(params, opt, images[rows], label, mirror)
        if parts > 1:
            # Wait for each step: large images would otherwise be read ahead and pile up.
            jax.block_until_ready(params)
    return params


def _training_rows(
    n: int, settings: Settings
) -> Iterator[tuple[Int[np.ndarray, " b"], Bool[np.ndarray, " b"]]]:
    """Yields, for each step, the rows of its images and which of them to mirror.

    Each pass over the data has every image once, in a new random order.
    """
    rng = np.random.default_rng(settings.seed)
    queue = np.empty(0, np.int64)
    for _ in range(settings.steps):
        # Another pass over the data begins in the middle of a batch.
        while len(queue) < settings.batch:
            queue = np.concatenate([queue, rng.permutation(n)])
        rows, queue = np.split(queue, [settings.batch])
        yield rows, settings.mirror & (rng.random(settings.batch) < 0.5)


def _patches(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c9"]:
    """Returns the patches under a 3x3 kernel of stride 2 ("im2col").

    A dense layer on them is the convolution. On a CPU the gradients of XLA's own
    convolution took up to twice as long.
    """
    h, w = x.shape[1:3]
    # Zero padding at the bottom and the right only. Of an even side one row of it is used.
    x = jnp.pad(x, ((0, 0), (0, 2), (0, 2), (0, 0)))
    views = [x[:, i : i + h : 2, j : j + w : 2] for i in range(3) for j in range(3)]
    return jnp.concatenate(views, axis=-1)


def _batched_apply(
    net: Network, params: PyTree, shape: tuple[int, ...]
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns a function from images to (features, logits), which runs in batches."""
    # A shorter last batch is compiled separately.
    jitted = jax.jit(net.apply)

    def apply(images):
        if images.shape[1:] != shape or len(images) == 0:
            raise UsageError(
                f"The classifier takes images [n, *{shape}], not {images.shape}."
            )
        batches = (batch.astype(np.float32) for batch in _batches(images))
        features, logits = zip(
            *(jitted(params, batch) for batch in batches), strict=True
        )
        return np.concatenate(features), np.concatenate(logits)

    return apply


def _batches(images: Images) -> Iterator[np.ndarray]:
    """Yields all images in batches for inference."""
    image_bytes = 4 * math.prod(images.shape[1:])
    step = max(1, min(MAX_INFERENCE_BATCH, MAX_BATCH_BYTES // image_bytes))
    return (images[i : i + step] for i in range(0, len(images), step))


def _num_parts(batch: int, shape: tuple[int, ...]) -> int:
    """Returns into how many equal parts a training batch is divided to save memory."""
    max_images = max(1, MAX_BATCH_BYTES // (4 * math.prod(shape)))
    divisors = (n for n in range(1, batch + 1) if batch % n == 0)
    return next(n for n in divisors if batch // n <= max_images)


def _check_labels(kind: str, images: Images, labels: np.ndarray, classes: int) -> None:
    if len(images.shape) != 4 or images.dtype != np.uint8:
        raise UsageError(f"The {kind} images must be uint8 [n, h, w, c].")
    if len(images) != len(labels) or len(images) == 0:
        raise UsageError(f"{len(images)} {kind} images have {len(labels)} labels.")
    if labels.min() < 0 or labels.max() >= classes:
        raise UsageError(f"The {kind} labels are not all in 0..{classes - 1}.")


def contents(data: LabeledImages) -> Iterator[str | bytes]:
    """Yields all of the data, by which it is told from other data."""
    for array in data:
        yield f"{array.dtype}{array.shape}"
        # In parts, as the images may be in a file and larger than the memory.
        for part in _batches(array):
            yield part.tobytes()


def _cache_name(
    net: Network, settings: Settings, identity: Iterable[str | bytes]
) -> str:
    # Everything that the weights depend on. Numerics may change with the version of JAX.
    first = f"{jax.__version__} {net} {settings}"
    return f"{sha256(itertools.chain([first], identity))[:16]}.npz"


def _pack(params: PyTree, accuracy: float) -> dict[str, np.ndarray]:
    arrays = {k: np.asarray(v) for k, v in flatten_dict(params, sep="/").items()}
    return arrays | {"accuracy": np.array(accuracy, np.float64)}


def _unpack(arrays: dict[str, np.ndarray]) -> tuple[PyTree, float]:
    params = {k: v for k, v in arrays.items() if k != "accuracy"}
    return unflatten_dict(params, sep="/"), float(arrays["accuracy"])
