"""What happens along the way: numbers, pictures, scores and saves of a run."""

import functools
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import jax
import numpy as np
from jax.experimental import multihost_utils

from ganjax import checkpoint
from ganjax.data import Source
from ganjax.errors import Mistake
from ganjax.gan import Game
from ganjax.loop import Hook, Row
from ganjax.run import logs, sampling
from ganjax.run.folder import write
from ganjax.run.judge import Judge, judge
from ganjax.run.machine import Machine
from ganjax.run.pictures import members, picture, save_png
from ganjax.run.story import REAL
from ganjax.run.tensorboard import events
from ganjax.run.terminal import say, warn


IMAGES, POINTS = 64, 2_000  # in a picture
MOST_COLUMNS = 12  # classes that still get a column each

Watch = Callable[[int, Row], None]


def chief() -> bool:
    """Whether this process is the one that writes."""
    return jax.process_index() == 0


def ignore(step: int, row: Row) -> None:
    """Neither shows nor writes, for the processes that are not the chief."""


def numbers(record: Watch, log_every: int, steps: int, show: Watch) -> Watch:
    """Shows the row of every call, and records those that are due, and the last."""

    def watch(step, row):
        show(step, row)
        if step % log_every == 0 or step == steps:
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

    Under several seeds each score is a list, and a save is judged by their mean. Scores
    that cannot be made are one sentence, and the run goes on. Every process draws the
    samples, as the devices of all take part, and the chief alone scores them.
    """
    spec, classes = source.spec, len(source.classes)
    trying = attempts()

    @functools.cache
    def judging():
        say("Looking at real images, by which the samples will be scored …")
        return judge(spec, game, scratch=folder)

    @functools.cache
    def asked(count):
        return sampling.asked_in_parts(game, spec, count, classes)

    def hook(step, state, row):
        seeds = np.size(state.step)
        plan = np.zeros(2, np.int32)  # how many samples, and how many of them at once
        if chief():
            with trying(step):
                judged = judging()
                plan[:] = judged.count, sampling.rows_at_once(judged.shape, seeds)
        count, size = from_chief(plan)
        ready = np.zeros((), bool)
        with trying(step):
            ready |= bool(count) and asked(count) is not None
        if not everywhere(ready):
            with trying(step):
                if ready:
                    raise Mistake("another process could not get ready for them")
            return
        key = sampling.SCORED
        chunks = sampling.chunks(
            made.sample, state, key, asked(count), count, seed, size
        )
        found: Row = {}
        if chief():
            with trying(step):
                found = score(judging(), chunks, seeds)
        if jax.process_count() > 1:
            # Whatever became of the scores, the others wait for this one to draw, too.
            with trying(step):
                deque(chunks, maxlen=0)
        if not found:
            return
        record(step, found)
        kept.clear()
        kept.update(step=np.asarray(step), score=found[judging().headline])
        if not (folder / REAL).exists():
            with trying(step):
                write(folder / REAL, json.dumps(judging().real()) + "\n")

    return hook


def score(judged: Judge, chunks: Iterator[np.ndarray], seeds: int) -> Row:
    """The scores of samples that come in chunks [seeds, chunk, ...], for each seed."""
    scorings = [judged.begin() for _ in range(seeds)]
    for chunk in chunks:
        for scoring, of_seed in zip(scorings, chunk, strict=True):
            scoring.add(of_seed)
    each = [scoring.scores() for scoring in scorings]
    return {name: np.squeeze([one[name] for one in each]) for name in each[0]}


def attempts() -> Callable[[int], AbstractContextManager[None]]:
    """Gives what goes on after an error in making the scores of a step.

    Each process says each reason once, the chief among what else it says.
    """
    told = set()

    @contextmanager
    def trying(step: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            # Whatever it is, no score is worth the run, which may have taken days.
            why = reason(error)
            if why not in told:
                told.add(why)
                tell = say if chief() else warn
                tell(
                    f"Scores at step {step} could not be made ({why}): the run goes on "
                    "without them, and --no-scores leaves them out."
                )

    return trying


def reason(error: Exception) -> str:
    """An error in a few words, on one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    words = " ".join(str(error).split())
    if len(words) > 200:
        words = f"{words[:200]} …"
    if isinstance(error, Mistake):
        return words.rstrip(".")
    name = "out of memory" if isinstance(error, MemoryError) else type(error).__name__
    return f"{name}: {words}" if words else name


def from_chief(numbers: np.ndarray) -> list[int]:
    """The first process's numbers, on all of them."""
    if jax.process_count() > 1:
        numbers = multihost_utils.broadcast_one_to_all(numbers)
    return [int(number) for number in numbers]


def everywhere(ready: np.ndarray) -> bool:
    """Whether every process is ready."""
    if jax.process_count() > 1:
        ready = multihost_utils.process_allgather(ready)
    return bool(np.all(ready))


def keeping(averages: checkpoint.Saves) -> Hook:
    """Begins to keep the averages that are tracked."""
    return lambda step, state, row: checkpoint.save(averages, step, state.averages)


def saving(
    folder: Path, saves: checkpoint.Saves, averages: checkpoint.Saves | None
) -> Hook:
    """Begins a save.

    What was kept before it is on disk by then, so that a run resumed from it has it all.
    """

    def hook(step, state, row):
        if chief():
            logs.settle(folder / logs.METRICS)
        if averages:
            checkpoint.finish(averages)
        checkpoint.save(saves, step, state)

    return hook
