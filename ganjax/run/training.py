"""One run from its first line to its report: what every experiment's `main` calls."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from ganjax import checkpoint
from ganjax.data import Sizes, Source, Spec, Stream, load, resident, streamed, whole
from ganjax.games import tracked
from ganjax.gan import Game, PyTree
from ganjax.loop import Diverged, Every, Row, fit, step_of
from ganjax.run import folder as folders, hooks, logs
from ganjax.run.args import Run, check
from ganjax.run.hooks import chief
from ganjax.run.loading import borrow
from ganjax.run.machine import Machine, join, machine
from ganjax.run.pictures import ANIMATION, animate
from ganjax.run.programs import keep_programs
from ganjax.run.progress import progress
from ganjax.run.report import write_report
from ganjax.run.signals import asked_to_stop


RESIDENT_BYTES = 2e9  # a larger set is read as it is needed


class Work(NamedTuple):
    """All that a run has at hand once its input was found good."""

    run: Run
    game: Game
    source: Source
    stream: Stream
    made: Machine
    folder: Path
    saves: checkpoint.Saves
    averages: checkpoint.Saves | None


def train(args: Any, game: Game, data: Spec, sizes: Sizes | None = None) -> PyTree:
    """Trains `game` on `data` in the folder `args.run.workdir`, or resumes it there.

    `args` is the experiment's dataclass with its `Run` as `args.run`; `sizes` says how
    many turns and images each player has, by default one turn of `--batch` each. Gives
    the last state. Raises a `Mistake` before anything is compiled if what was asked for
    cannot be, and `Diverged` when the state leaves the finite.
    """
    check(args)
    join(args.run)
    keep_programs()
    with ExitStack() as held:
        work, state = prepare(args, game, data, sizes, held)
        return finish(work, state)


def finish(work: Work, state: PyTree) -> PyTree:
    """Plays to the end, or to the last good step, and says how it went."""
    try:
        state = play(work, state)
    except Diverged as error:
        checkpoint.finish(work.saves)
        last = work.saves.orbax.latest_step() or 0
        sentence = f"{error} The last good save is that of step {last}."
        close(work, "diverged", last, sentence)
        raise Diverged(f"{sentence} See {work.folder / 'report.html'}.") from None
    checkpoint.finish(work.saves)
    done = step_of(state)
    ended = "finished" if done >= work.run.steps else "stopped"
    close(work, ended, done)
    say(f"{work.folder} is {ended} at step {done} of {work.run.steps}.")
    say(f"Pictures: {work.folder / 'samples'}  Report: {work.folder / 'report.html'}")
    return state


def prepare(
    args: Any, game: Game, data: Spec, sizes: Sizes | None, held: ExitStack
) -> tuple[Work, PyTree]:
    """Everything before the first step: data, folder, devices, and the state found.

    The folder is `held` until that is closed.
    """
    run: Run = args.run
    game = tracked(game, run.track) if run.track else game
    source = load(data)
    stream = streaming(source, sizes or Sizes(1, run.batch, run.batch))
    made = machine(run, game, stream)
    folder = folders.open_folder(args, source, stream.shapes)
    held.enter_context(folders.alone(folder))
    state = made.init()
    folders.need_space(folder, sum(x.nbytes for x in jax.tree.leaves(state)))
    saves = checkpoint.open_saves(folder / "checkpoints")
    found = checkpoint.restore(saves, state, say)
    if found is not None:
        state = found
    elif run.init_from:
        state = borrow(Path(run.init_from), state)
    if chief():
        for name in (logs.METRICS, logs.CLOCK):
            logs.trim(folder / name, step_of(state))
    averages = kept_averages(run, folder, state) if run.track else None
    return Work(run, game, source, stream, made, folder, saves, averages), state


def kept_averages(run: Run, folder: Path, state: PyTree) -> checkpoint.Saves:
    """The averages kept until `state`, with room on the disk for those to come."""
    more = (run.steps - step_of(state)) // (run.keep_every or run.steps) + 1
    each = sum(x.nbytes for x in jax.tree.leaves(state.averages))
    folders.need_space(folder, each, more)
    averages = checkpoint.open_saves(folder / folders.AVERAGES, keep_all=True)
    checkpoint.forget(averages, step_of(state))
    return averages


def play(work: Work, state: PyTree) -> PyTree:
    """The steps that are still to be played."""
    run, folder, made, done = work.run, work.folder, work.made, step_of(state)
    if done >= run.steps:
        say(f"{folder} was finished before, at step {done}: --steps beyond go on.")
        return state
    say(f"{folder}: {'resumes at' if done else 'begins with'} step {done}; compiling …")
    began = time.perf_counter()
    state, _ = jax.block_until_ready(made.program(state, made.window(done), 0))
    seconds = time.perf_counter() - began
    say(f"Compiled in {seconds:.1f} s; programs are kept in {keep_programs()}.")
    folders.set_status(folder, "running", done)

    kept: Row = {}
    common = folder, run.seed, made, work.game, work.source
    images = int(np.prod(work.stream.shapes.d.label.shape)) * run.seeds
    watch = hooks.ignore
    with ExitStack() as stack:
        stop = stack.enter_context(asked_to_stop())
        record = stack.enter_context(hooks.recorder(folder))
        if chief():
            shown = progress(folder, done, run.steps, images, run.log_every)
            show = stack.enter_context(shown)
            watch = hooks.numbers(record, run.log_every, show)
        pictures = hooks.pictures(*common)
        scores = hooks.scores(*common, record, kept)
        saving = hooks.saving(folder, work.saves, work.averages, kept)
        due = [
            Every(run.log_every, lambda step, state, row: None),
            Every(run.sample_every or run.steps, pictures),
            Every(run.evaluate_every or run.steps, scores),
            Every(run.save_every or run.steps, saving),
        ]
        if work.averages:
            keeping = hooks.keeping(work.averages)
            due.insert(0, Every(run.keep_every or run.steps, keeping))
        state = fit(
            made.program,
            state,
            made.window,
            run.steps,
            longest=work.stream.longest,
            hooks=due,
            watch=watch,
            agree=agree,
            stop=stop,
        )
    done = step_of(state)
    if done < run.steps and done % (run.save_every or run.steps):
        saving(done, state, {})
    return state


def streaming(source: Source, sizes: Sizes) -> Stream:
    """The turns of every step: from the devices' memory if the data fits into it."""
    one = np.dtype(source.dtype).itemsize * int(np.prod(source.shape))
    if source.length * one <= RESIDENT_BYTES:
        return resident(whole(source), sizes)
    here, count = jax.process_index(), jax.process_count()
    return streamed(source, sizes, process=here, count=count)


def close(work: Work, state: str, step: int, sentence: str = "") -> None:
    """Leaves the folder as a person will want to find it: status, animation, report."""
    if chief():
        folders.set_status(work.folder, state, step, sentence)
        drawn = sorted((work.folder / "samples").glob("*.png"))
        if drawn:
            animate(drawn, work.folder / ANIMATION)
        write_report(work.folder)


def agree(count: int, stop: bool) -> tuple[int, bool]:
    """The first process's count, and whether any process wants to stop."""
    if jax.process_count() == 1:
        return count, stop
    both = multihost_utils.process_allgather(np.asarray([count, stop]))
    return int(both[0, 0]), bool(both[:, 1].any())


def say(sentence: str) -> None:
    """Tells the person at the terminal, once, whatever the number of processes."""
    if chief():
        print(sentence, flush=True)
