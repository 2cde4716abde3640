"""A third kind of data, in one file: sequences of whole numbers that count in equal steps.

It is an experiment like any other, and no other file knows what a sequence is:

    python tests/helpers/sequences.py --workdir RUN
    ganjax sample RUN --out samples.txt
"""

from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
import optax
from PIL import Image, ImageDraw, ImageFont

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import Batch, Modality, normal
from ganjax.data import LoadReport, Source, Spec
from ganjax.data.source import ToReal, example_struct, read_some
from ganjax.errors import NoSplit, UsageError
from ganjax.evaluation.evaluator import Evaluator, in_memory_scoring
from ganjax.evaluation.metric import lower_is_better
from ganjax.modalities.pictures import save_arrays
from ganjax.models import mlp
from ganjax.run import NoPrefix, PositiveInt, Run, command
from ganjax.store import write


WHERE = "counting"
LENGTH = 8
VOCABULARY = 5
SPLITS = {"train": (0, 2_000), "test": (1, 500)}  # seed and number of sequences
ROW = 16  # pixels, the height of a line of text
UNEVEN = lower_is_better(
    "uneven", "Fraction of sequences that do not count in equal steps."
)


def load(spec: Spec) -> Source:
    """Sequences a, a + b, a + 2 b, ... modulo 5; the class is the step b."""
    if spec.where != WHERE:
        raise UsageError(f"There is no data {spec.where!r}: give {WHERE}.")
    if spec.split not in SPLITS:
        raise NoSplit(f"{WHERE} has no split {spec.split!r}.")
    seed, count = SPLITS[spec.split]
    rng = np.random.default_rng(seed)
    first, step = rng.integers(0, VOCABULARY, (2, count, 1))
    tokens = ((first + step * np.arange(LENGTH)) % VOCABULARY).astype(np.int32)
    label = step[:, 0].astype(np.int32)
    held_out = (
        LoadReport(SPLITS["test"][1], "test") if spec.split == "train" else LoadReport()
    )
    return Source(
        spec=spec,
        length=count,
        example={"tokens": example_struct((LENGTH,), np.int32)},
        classes=tuple(f"by {b}" for b in range(VOCABULARY)),
        read=lambda rows: Batch({"tokens": tokens[rows]}, label[rows]),
        report=held_out,
        inventory=lambda: {"tokens": f"{tokens.nbytes}:{tokens.sum()}"},
    )


def decode(stored):
    """Each number as one of five, in a dictionary as it is stored."""
    return jax.nn.one_hot(stored["tokens"], VOCABULARY)


def encode(samples: np.ndarray) -> np.ndarray:
    """The most probable number of each place."""
    return np.asarray(samples).argmax(-1).astype(np.int32)


def lines(samples: np.ndarray) -> list[str]:
    return [" ".join(map(str, row)) for row in encode(samples)]


def render(samples, classes: int = 0, real=None) -> Image.Image:
    """The sequences as lines of text."""
    text = lines(samples)
    page = Image.new("RGB", (12 * LENGTH * 2, ROW * len(text)), "white")
    draw = ImageDraw.Draw(page)
    for i, line in enumerate(text):
        draw.text((2, ROW * i), line, fill="black", font=ImageFont.load_default(12))
    return page


def save_text(path: Path, samples: np.ndarray, labels: np.ndarray) -> None:
    write(path, "\n".join(lines(samples)) + "\n", parents=True)


def save_tokens(path: Path, samples: np.ndarray, labels: np.ndarray) -> None:
    save_arrays(path, encode(samples), labels, name="tokens")


def uneven(samples: np.ndarray) -> float:
    """The share of sequences that do not count in equal steps."""
    steps = np.diff(encode(samples), axis=1) % VOCABULARY
    return float((steps != steps[:, :1]).any(1).mean())


def evaluator(
    source: Source,
    held_out: Source | None,
    to_real: ToReal,
    *features: object,
    scratch: Path | None = None,
) -> Evaluator:
    assert held_out is not None
    test = np.asarray(to_real(read_some(held_out, 500).x))
    return Evaluator(
        count=len(test),
        begin=in_memory_scoring(lambda samples: {UNEVEN.name: uneven(samples)}),
        metrics=(UNEVEN,),
        headline=UNEVEN,
        real_scores=lambda: {UNEVEN.name: uneven(test)},
        reference="sequences that were held out",
        shape=test.shape[1:],
    )


SEQUENCES = Modality(
    name="sequences",
    load=load,
    decode=decode,
    summary=lambda source: f"{source.length:,} sequences of {LENGTH} numbers",
    describe=lambda shape: f"sequences of {shape[0]} numbers",
    remedy=lambda made, real: "change the networks",
    preview=lambda classes: 20,
    render=render,
    files={".txt": save_text, ".npz": save_tokens},
    max_samples={},
    evaluator=evaluator,
)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/sequences", steps=8, batch=16)
    width: PositiveInt = 16


TINY = Args()


def make(args: Args) -> Game:
    adam = optax.adam(1e-3)
    return game(
        GAN(
            g=Player(
                mlp.Generator((LENGTH, VOCABULARY), args.width, output=jax.nn.softmax),
                adam,
            ),
            d=Player(mlp.Discriminator(args.width), adam),
            loss=losses.relativistic(),
            augment=augment.identity(),
            prior=normal(8),
            ema=optax.constant_schedule(0.99),
        ),
        SEQUENCES,
    )


def main(args: Args):
    return train(make(args), WHERE, args.run, config=args)


if __name__ == "__main__":
    command(main)
