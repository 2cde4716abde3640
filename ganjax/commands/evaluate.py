"""`ganjax evaluate`: the scores of a run, by samples that training has not drawn."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
import tyro

from ganjax.core import Modality, PyTree
from ganjax.data import Spec
from ganjax.errors import UsageError, reason
from ganjax.pretrained import efficientnet
from ganjax.run import sampling, sentences
from ganjax.run.args import NoPrefix, PathText, RunFolder, Save
from ganjax.run.description import spec_of
from ganjax.run.evaluator import evaluator
from ganjax.run.loading import load
from ganjax.run.terminal import warn
from ganjax.store import write
from ganjax.store.manifest import read_manifest


SCORES = "scores.json"


@dataclass(frozen=True)
class Args:
    """Scores samples of a run against held-out data, with real data as the scale."""

    run: RunFolder
    """The folder of a run."""
    features: Annotated[str, tyro.conf.arg(metavar="PATH|URL")] = ""
    """Weights of EfficientNet-Lite0, on whose features images are also compared."""
    data: PathText = ""
    """Where the data is now, if it has moved since the run."""
    save: NoPrefix[Save] = Save()


def main(args: Args) -> None:
    """Prints the scores as JSON, and writes them to `scores.json` in the run's folder."""
    # As `hooks.score_hook` does in training, with other latents (`sampling.ASKED`).
    loaded = load(args.run, data=args.data, **asdict(args.save))
    folder = Path(args.run).expanduser()
    spec = _spec(args, loaded.game.modality, loaded.example)
    more = [efficientnet.features(args.features)] if args.features else []
    with _in_words("The samples could not be scored"):
        scoring = evaluator(spec, loaded.game, *more, scratch=folder)
        if not scoring.count:
            raise UsageError(
                f"{folder} was trained on too few {loaded.game.modality.name} to score "
                "samples by: train it on more, or compare the samples by eye."
            )
        n = scoring.count
        classes = len(loaded.classes)
        conditions = sampling.conditions_in_parts(loaded.game, spec, n, classes)
        size = sampling.rows_at_once(scoring.shape)
        # The state is of one seed, and `sampling.chunks` counts on an axis of seeds.
        draw = jax.jit(loaded.game.sample)
        each = lambda *given: np.asarray(draw(*given))[None]
        drawn = sampling.chunks(
            each, loaded.state, sampling.ASKED, conditions, n, size=size
        )
        found = scoring.score(chunk for (chunk,) in drawn)
        real = scoring.real_scores()
    # Of each score what the samples have, what real data has, and which is better.
    scores = {
        metric.name: {
            "samples": found[metric.name],
            "real": real.get(metric.name),
            "aim": metric.aim,
        }
        for metric in scoring.metrics
    }
    told = {"reference": scoring.reference, "samples": n, "scores": scores}
    # Printed first: what took so long to compute is not lost if the disk is full.
    text = json.dumps(told, indent=1) + "\n"
    print(text, end="", flush=True)
    with _in_words("These scores could not be kept"):
        write(folder / SCORES, text)
    # To the error stream: a program that reads the output finds nothing there but JSON.
    warn(f"Scores: {folder / SCORES}")


def _spec(args: Args, modality: Modality, example: PyTree) -> Spec:
    """Returns the data of a run, where it lies now.

    Raises:
        UsageError: if the data at another place has another shape.
    """
    manifest = read_manifest(Path(args.run).expanduser())
    spec = spec_of(manifest)
    if not args.data:
        return spec
    # A second place, such as that of the other domain, moves along if it was the same one.
    target = args.data if spec.target == spec.where else spec.target
    spec = spec._replace(where=args.data, target=target)
    here = [x.shape for x in jax.tree.leaves(modality.load(spec).example)]
    then = [x.shape for x in jax.tree.leaves(example)]
    if here != then:
        told = [
            " and ".join("x".join(map(str, x)) for x in each) for each in (here, then)
        ]
        raise UsageError(
            f"--data {args.data} holds {modality.name} of {told[0]}, but {args.run} was "
            f"trained on {told[1]}: name the data that it was trained on."
        )
    return spec


@contextlib.contextmanager
def _in_words(failed: str) -> Iterator[None]:
    """Raises a `UsageError` that says what `failed` for an error that a person can mend.

    Faults of the code are raised unchanged, with their traceback.
    """
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        if not sentences.sentence(error):
            raise
        raise UsageError(f"{failed} ({reason(error)}).") from error
