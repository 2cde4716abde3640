"""What happens while a run trains: numbers, pictures, scores and saves.

A hook is a function (steps done, state, logs of the last step), which the loop calls when
it is due (`ganjax.loop.fit`). Every process of a run calls every hook, as drawing and
saving need the devices of all; only the first process, the chief, writes to the folder.
"""

import functools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from ganjax.core import Game, Labels, PyTree
from ganjax.data import Source
from ganjax.data.source import random_rows
from ganjax.errors import UsageError, reason
from ganjax.evaluation.evaluator import EVALUATION, Evaluator, evaluation_json
from ganjax.loop import Hook, Row
from ganjax.modalities.pictures import join_seeds, save_png
from ganjax.run import sampling
from ganjax.run.compiled import CompiledGame
from ganjax.run.evaluator import evaluator, real_of
from ganjax.run.tensorboard import event_writer
from ganjax.run.terminal import say, warn
from ganjax.run.writers import END, Writer
from ganjax.store import checkpoint, metrics, write
from ganjax.store.workdir import RECONSTRUCTIONS


ShowRow = Callable[[int, Row], None]  # (step, row)
RecordRow = Callable[[str, int, Row], None]  # (the event of `store.metrics`, step, row)


def is_chief() -> bool:
    """Returns whether this process is the one that writes to the run's folder."""
    return jax.process_index() == 0


def ignore(*_: object) -> None:
    """Does nothing: what processes other than the chief do with rows."""


def log_watch(record: RecordRow, log_every: int, steps: int, show: ShowRow) -> ShowRow:
    """Returns a `watch` for `loop.fit`, which shows every row and records some of them.

    Args:
        record: records a row.
        log_every: the steps between rows that are recorded.
        steps: the last step, whose row is recorded in any case.
        show: shows a row.
    """

    def watch(step, row):
        show(step, row)
        if step % log_every == 0 or step == steps:
            record(metrics.TRAINING, step, row)

    return watch


@contextmanager
def recorder(folder: Path, writers: Sequence[Writer] = ()) -> Iterator[RecordRow]:
    """Yields a function that writes a row to the metrics and to TensorBoard's events.

    It does nothing in processes that are not the chief.

    Args:
        folder: the folder of the run.
        writers: also get every row. One that raises is left out from then on, as no
            service elsewhere is worth the run.
    """
    if not is_chief():
        yield ignore
        return
    working = list(writers)
    last = 0

    def send(event, step, row):
        for writer in [*working]:
            try:
                writer(event, step, row)
            except Exception as error:
                working.remove(writer)
                name = getattr(writer, "__qualname__", repr(writer))
                say(f"The writer {name} gets no more rows ({reason(error)}).")

    with event_writer(folder) as write_event:

        def record(event, step, row):
            nonlocal last
            last = step
            metrics.append(folder / metrics.METRICS, step, {"event": event, **row})
            write_event(step, row)
            send(event, step, row)

        try:
            yield record
        finally:
            send(END, last, {})


def picture_hook(
    folder: Path, seed: int, compiled: CompiledGame, game: Game, source: Source
) -> Hook:
    """Returns a hook that draws samples of the same latents at every step.

    So the pictures of a run show how the same samples change. A picture of real examples,
    `real.png`, is saved at once.

    Args:
        folder: the folder of the run.
        seed: the seed of the latents.
        compiled: the compiled game, which draws the samples.
        game: the game, whose modality renders them.
        source: the training data.
    """
    modality = game.modality
    classes = len(source.classes)
    count = modality.preview(classes)
    # A folder is read class by class, so its first examples may all be of one class. Where
    # conditions are made of examples, they are those of the first ones.
    by_label = isinstance(game.conditions, Labels)
    rows = (
        random_rows(source, count) if by_label else np.arange(min(count, source.length))
    )
    real = np.asarray(real_of(game)(source.read(rows).x))
    condition = sampling.conditions(game, source.spec, count, classes)
    if is_chief():
        save_png(modality.render(real), folder / "real.png")
        if modality.play:
            modality.play(folder / "real.wav", real)
    originals = None
    if game.conditions.columns:
        originals = sampling.real_of_conditions(game, source.spec, count)

    def render(samples):
        # Where G translates images, its inputs are shown next to what it made of them.
        shown = np.asarray(game.conditions.show(condition, samples, originals))
        return modality.render(shown, classes, real)

    def hook(step, state, row):
        samples = sampling.draw(compiled.sample, state, sampling.FIXED, condition, seed)
        if is_chief():
            # One image for each member of a population.
            images = [render(of_member) for of_member in samples]
            image = join_seeds(images) if len(images) > 1 else images[0]
            save_png(image, folder / "samples" / f"{step:09d}.png")
            if modality.play:
                modality.play(folder / "samples" / f"{step:09d}.wav", samples[0])

    return hook


def reconstruction_hook(
    folder: Path,
    seed: int,
    reconstruct: sampling.DrawSamples,
    game: Game,
    source: Source,
) -> Hook:
    """Returns a hook that draws examples beside their reconstructions.

    The examples are the first ones that are held out, and the same at every step.

    Args:
        folder: the folder of the run.
        seed: the seed of what networks draw.
        reconstruct: `CompiledGame.reconstruct`.
        game: a game that has a `reconstruction`.
        source: the training data.
    """
    assert game.reconstruction is not None  # as there is `reconstruct`
    modality = game.modality
    # The data is opened as the run's own is.
    view = game.reconstruction._replace(modality=modality)
    condition = sampling.conditions(view, source.spec, modality.preview(0) // 2, 0)

    def render(made):
        return modality.render(np.asarray(view.conditions.show(condition, made)))

    def hook(step, state, row):
        made = sampling.draw(reconstruct, state, sampling.FIXED, condition, seed)
        if is_chief():
            images = [render(of_member) for of_member in made]
            image = join_seeds(images) if len(images) > 1 else images[0]
            save_png(image, folder / RECONSTRUCTIONS / f"{step:09d}.png")

    return hook


class SamplePlan(NamedTuple):
    """How many samples are drawn to be scored, and how many of them at once."""

    count: int  # 0 where there are no scores
    chunk_rows: int


def score_hook(
    folder: Path,
    seed: int,
    compiled: CompiledGame,
    game: Game,
    source: Source,
    record_scores: ShowRow,
    rate_save: Callable[[int, np.ndarray], None],
) -> Hook:
    """Returns a hook that scores samples against held-out data.

    Every process draws the samples, as the devices of all take part, and the chief alone
    scores them. No error in scoring ends the run: it is printed as one sentence.

    Args:
        folder: the folder of the run.
        seed: the seed of the latents, which are the same at every step.
        compiled: the compiled game, which draws the samples.
        game: the game, whose modality or data set says how samples are scored.
        source: the training data.
        record_scores: is called by the chief with the step and its scores; under several
            seeds each score is an array with one number for each seed.
        rate_save: is called by the chief, after `record_scores`, with the step and the
            number by which its save is compared to others, the lower the better; under
            several seeds one number for each.
    """
    spec, classes = source.spec, len(source.classes)
    catching = error_catcher()

    # Made at the first scores and not before, as it reads all of the real data. A cached
    # function that raises caches nothing: what failed is tried again at the next step.
    @functools.cache
    def cached_evaluator() -> Evaluator:
        say(
            f"Looking at real {game.modality.name}, by which the samples will be scored …"
        )
        return evaluator(spec, game, scratch=folder)

    @functools.cache
    def conditions(count: int) -> sampling.MakeConditions:
        return sampling.conditions_in_parts(game, spec, count, classes)

    def plan_samples(step: int, seeds: int) -> SamplePlan:
        # If the chief fails, its plan stays 0 samples, by which all processes leave the
        # scores out. It is also 0 for data too small to be compared with.
        plan = np.zeros(2, np.int32)
        if is_chief():
            with catching(step):
                chosen = cached_evaluator()
                plan[:] = chosen.count, sampling.rows_at_once(chosen.shape, seeds)
        return SamplePlan(*broadcast_from_chief(plan))

    def prepare_conditions(step: int, count: int) -> bool:
        # Drawing is a program of all devices: if one process could not read its conditions
        # and the others went on, these would wait for it forever.
        ready = False
        with catching(step):
            if count:
                conditions(count)
                ready = True
        if all_ready(ready):
            return True
        if ready:
            with catching(step):
                raise UsageError("another process could not get ready for them")
        return False

    def draw_and_score(step: int, state: PyTree, plan: SamplePlan, seeds: int) -> Row:
        chunks = sampling.chunks(
            compiled.sample,
            state,
            sampling.SCORED,
            conditions(plan.count),
            plan.count,
            seed,
            plan.chunk_rows,
        )
        scores: Row = {}
        if is_chief():
            with catching(step):
                scores = score(cached_evaluator(), chunks, seeds)
        if jax.process_count() > 1:
            # Every process draws all chunks: those that score nothing, and the chief also
            # the rest of them if scoring failed halfway.
            with catching(step):
                deque(chunks, maxlen=0)
        return scores

    def hook(step: int, state: PyTree, row: Row) -> None:
        seeds = np.size(state.step)
        plan = plan_samples(step, seeds)
        if not prepare_conditions(step, plan.count):
            return
        scores = draw_and_score(step, state, plan, seeds)
        if not scores:  # also in all processes but the chief
            return
        record_scores(step, scores)
        # What the scores mean is the same at every step, so it is written once for a run.
        if not (folder / EVALUATION).exists():
            with catching(step):
                write(folder / EVALUATION, evaluation_json(cached_evaluator()))
        headline = cached_evaluator().headline
        assert headline is not None  # as there are scores
        rate_save(step, headline.to_minimize(scores[headline.name]))

    return hook


def score(evaluator: Evaluator, chunks: Iterator[np.ndarray], seeds: int) -> Row:
    """Returns the scores of samples by name, each a scalar, or [seeds] for several seeds.

    Args:
        evaluator: scores the samples.
        chunks: the samples, in chunks [seeds, chunk, ...].
        seeds: how many members the population has.
    """
    scorings = [evaluator.begin() for _ in range(seeds)]
    for chunk in chunks:
        for scoring, of_seed in zip(scorings, chunk, strict=True):
            scoring.add(of_seed)
    scores = [scoring.scores() for scoring in scorings]
    return {
        name: np.squeeze([of_seed[name] for of_seed in scores]) for name in scores[0]
    }


def error_catcher() -> Callable[[int], AbstractContextManager[None]]:
    """Returns a context manager for scoring at a step, which prints errors of its block.

    It raises none of them. Each process prints the same reason only once: the chief to the
    output stream, as all that it prints, and the others to the error stream.
    """
    printed = set()

    @contextmanager
    def catching(step: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            # Whatever it is, no score is worth the run, which may have taken days.
            why = reason(error)
            if why not in printed:
                printed.add(why)
                tell = say if is_chief() else warn
                tell(
                    f"Scores at step {step} could not be made ({why}): the run goes on "
                    "without them, and --no-scores leaves them out."
                )

    return catching


def broadcast_from_chief(numbers: np.ndarray) -> list[int]:
    """Returns the chief's numbers, in every process."""
    if jax.process_count() > 1:
        numbers = multihost_utils.broadcast_one_to_all(numbers)
    return [int(number) for number in numbers]


def all_ready(ready: bool) -> bool:
    """Returns whether every process is ready."""
    if jax.process_count() == 1:
        return ready
    return bool(np.all(multihost_utils.process_allgather(np.asarray(ready))))


def average_hook(averages: checkpoint.Saves) -> Hook:
    """Returns a hook that begins to save the averages that post-hoc EMA tracks."""
    return lambda step, state, row: checkpoint.save(averages, step, state.averages)


def save_hook(
    folder: Path, saves: checkpoint.Saves, averages: checkpoint.Saves | None
) -> Hook:
    """Returns a hook that begins a save.

    Metrics and averages up to its step are on the disk by then, so that a run that resumes
    from the save misses none of them.
    """

    def hook(step, state, row):
        # Rows are appended without waiting for the disk; a save must not overtake them.
        if is_chief():
            metrics.sync(folder / metrics.METRICS)
        if averages:
            checkpoint.finish(averages)
        checkpoint.save(saves, step, state)

    return hook
