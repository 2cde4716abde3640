"""What happens along the way: numbers, pictures, scores and saves of a run."""

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
from tqdm import tqdm

from ganjax import checkpoint
from ganjax.data import Source
from ganjax.gan import Game
from ganjax.loop import Hook, Row
from ganjax.run import logs, sampling
from ganjax.run.folder import write
from ganjax.run.judge import judge
from ganjax.run.machine import Machine
from ganjax.run.pictures import members, picture, save_png
from ganjax.run.story import REAL
from ganjax.run.tensorboard import events


IMAGES, POINTS = 64, 2_000  # in a picture
MOST_COLUMNS = 12  # classes that still get a column each

Watch = Callable[[int, Row], None]


def chief() -> bool:
    """Whether this process is the one that writes."""
    return jax.process_index() == 0


def ignore(step: int, row: Row) -> None:
    """Neither shows nor writes, for the processes that are not the chief."""


def numbers(record: Watch, log_every: int, show: Watch) -> Watch:
    """Shows the row of every call, and records those that are due."""

    def watch(step, row):
        show(step, row)
        if step % log_every == 0:
            record(step, row)

    return watch


@contextmanager
def recorder(folder: Path) -> Iterator[Watch]:
    """Gives what writes a row to the metrics, and to TensorBoard's events.

    Only the chief writes.
    """
    if not chief():
        yield ignore
        return
    with events(folder) as event:

        def record(step, row):
            logs.append(folder / logs.METRICS, step, row)
            event(step, row)

        yield record


def pictures(
    folder: Path, seed: int, made: Machine, game: Game, source: Source
) -> Hook:
    """Draws samples on latents that stay the same throughout; real examples at once."""
    flat = len(source.shape) == 1
    count, classes = POINTS if flat else IMAGES, len(source.classes)
    real = np.asarray(
        game.decode(source.read(np.arange(min(count, source.length))).image)
    )
    draw = functools.partial(picture, behind=real) if flat else picture
    if not flat and 2 <= classes <= MOST_COLUMNS:
        count = count // classes * classes
        draw = functools.partial(picture, columns=classes)
    asked = sampling.asked(game, source.spec, count, classes)
    if chief():
        save_png(picture(real), folder / "real.png")

    def hook(step, state, row):
        samples = sampling.draw(made.sample, state, sampling.FIXED, asked, seed)
        if chief():
            each = [draw(np.asarray(game.show(asked, of_seed))) for of_seed in samples]
            image = members(each) if len(each) > 1 else each[0]
            save_png(image, folder / "samples" / f"{step:09d}.png")

    return hook


def scores(
    folder: Path,
    seed: int,
    made: Machine,
    game: Game,
    source: Source,
    record: Watch,
    kept: Row,
) -> Hook:
    """Scores samples against held-out data, for `record`; `kept` holds the last score.

    Under several seeds each score is a list, and a save is judged by their mean.
    """

    @functools.cache
    def judging():
        if chief():
            tqdm.write("Looking at real images, by which the samples will be scored …")
        return judge(source.spec, game)

    @functools.cache
    def asked():
        count, classes = judging().count, len(source.classes)
        return sampling.asked(game, source.spec, count, classes)

    def hook(step, state, row):
        judged = judging()
        if not judged.count:
            return
        samples = sampling.draw(made.sample, state, sampling.SCORED, asked(), seed)
        if chief():
            if not (folder / REAL).exists():
                write(folder / REAL, json.dumps(judged.real()) + "\n")
            each = [judged.score(of_seed) for of_seed in samples]
            found = {name: np.squeeze([one[name] for one in each]) for name in each[0]}
            record(step, found)
            kept.clear()
            kept.update(step=np.asarray(step), score=found[judged.headline])

    return hook


def keeping(averages: checkpoint.Saves) -> Hook:
    """Begins to keep the averages that are tracked."""
    return lambda step, state, row: checkpoint.save(averages, step, state.averages)


def saving(
    folder: Path, saves: checkpoint.Saves, averages: checkpoint.Saves | None, kept: Row
) -> Hook:
    """Begins a save, with its score if one was found at this step.

    What was kept before it is on disk by then, so that a run resumed from it has it all.
    """

    def hook(step, state, row):
        score = float(kept["score"].mean()) if kept.get("step") == step else None
        if chief():
            logs.settle(folder / logs.METRICS)
        if averages:
            checkpoint.finish(averages)
        checkpoint.save(saves, step, state, score)

    return hook
