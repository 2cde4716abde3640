"""One run from its first line to its report: what every experiment's `main` calls."""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from ganjax import checkpoint
from ganjax.data import (
    Sizes,
    Source,
    Spec,
    Stream,
    broken,
    broken_mistake,
    describe,
    load,
    resident,
    streamed,
    whole,
)
from ganjax.data.stream import shapes_of
from ganjax.errors import Interrupted, Mistake
from ganjax.evaluation import cache
from ganjax.games import tracked
from ganjax.gan import Game, PyTree
from ganjax.loop import Diverged, Every, Hook, Row, fit, step_of
from ganjax.run import attempts, code, folder as folders, hooks, logs
from ganjax.run.args import Run, check, defaults, tidy
from ganjax.run.fitting import check_fit, traced
from ganjax.run.hooks import chief
from ganjax.run.judge import check_held_out
from ganjax.run.loading import borrow, no_whole_save
from ganjax.run.machine import Machine, check_sizes, join, machine
from ganjax.run.pictures import ANIMATION, FRAMES, animate, evenly, is_whole
from ganjax.run.programs import keep_programs
from ganjax.run.progress import progress
from ganjax.run.report import write_report
from ganjax.run.resume import changes
from ganjax.run.sentences import mendable
from ganjax.run.signals import asked_to_stop
from ganjax.run.terminal import say


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


def train(
    args: Any, game: Game, data: Spec | str | Path, sizes: Sizes | None = None
) -> PyTree:
    """Trains `game` on `data` in the folder `args.run.workdir`, or resumes it there.

    `args` is the experiment's dataclass with its `Run` as `args.run`; `sizes` says how
    many turns and images each player has, by default one turn of `--batch` each. Gives
    the last state.

    Raises a `Mistake` if what was asked for cannot be, before anything is compiled or
    written; or when the run cannot go on, as where the disk is full, in which case it
    stands as "stopped" and the same call resumes it. Raises `Diverged` when the state
    leaves the finite, and `Interrupted` when a signal stopped the run, which has saved.
    """
    with mendable(), ExitStack() as held:
        if not isinstance(game, Game):
            raise Mistake(
                f"The game is given as {type(game).__name__}: give what ganjax.game makes."
            )
        if sizes is not None and not isinstance(sizes, Sizes):
            raise Mistake(f"The sizes are given as {sizes!r}: give Sizes(...).")
        args = tidy(args)
        check(args)
        join(args.run)
        keep_programs()
        work, state = prepare(args, game, as_spec(data), sizes, held)
        return finish(work, state)


def as_spec(data: Spec | str | Path) -> Spec:
    """A `Spec` as it is, and a name or path as the `Spec` of all that is there."""
    if isinstance(data, Spec):
        return data
    if isinstance(data, str | Path):
        return Spec(str(data))
    raise Mistake(
        f"The data is given as {type(data).__name__}: give a Spec, or the name or path of "
        "a data set."
    )


def finish(work: Work, state: PyTree) -> PyTree:
    """Plays to the end, or to the last good step, and leaves word of how it went."""
    number = 0
    try:
        with mendable():
            state, number = play(work, state)
            checkpoint.finish(work.saves)
    except Diverged as error:
        with suppress(Exception):  # what diverged is what is to be told
            checkpoint.finish(work.saves)
        last = last_step(work)
        saved = f"The last good save is that of step {last}."
        sentence = f"{error} {saved if last else 'Nothing was saved before.'}"
        close(work, "diverged", last, sentence)
        raise Diverged(f"{sentence} See {work.folder / 'report.html'}.") from None
    except Mistake as mistake:
        clear(work.saves)
        last = last_step(work)
        close(work, "stopped", last, str(mistake))
        goes_on = (
            f"its last save is that of step {last}, from which the same command goes on"
        )
        if not last:
            goes_on = "nothing was saved yet, and the same command begins anew"
        raise Mistake(
            f"{str(mistake).rstrip('.')}. {work.folder} is stopped; {goes_on}."
        ) from mistake
    except BaseException as error:
        last = last_step(work)
        close(work, "failed", last, f"{type(error).__name__}: {error}"[:500])
        raise
    done = step_of(state)
    if done < work.run.steps:
        sentence = f"{work.folder} is stopped at step {done} of {work.run.steps}"
        close(work, "stopped", done, "A signal asked for it.")
        raise Interrupted(f"{sentence}, and saved: the same command goes on.", number)
    close(work, "finished", done)
    beyond = f", beyond --steps {work.run.steps}" if done > work.run.steps else ""
    of = "" if beyond else f" of {work.run.steps}"
    say(f"{work.folder} is finished at step {done}{of}{beyond}.")
    say(f"Pictures: {work.folder / 'samples'}  Report: {work.folder / 'report.html'}")
    return state


def last_step(work: Work) -> int:
    """The step of the newest save that is on the disk; 0 if there is none."""
    with suppress(Exception):  # a save that failed is no reason to say nothing
        work.saves.orbax.reload()
        return max(work.saves.orbax.all_steps(), default=0)
    return 0


def clear(saves: checkpoint.Saves) -> None:
    """Takes away what a save that failed has left: it may be what fills the disk."""
    with suppress(Exception):
        saves.orbax.wait_until_finished()
    if chief():
        for path in saves.folder.iterdir():
            if not path.name.isdigit() and "tmp" in path.name:
                shutil.rmtree(path, ignore_errors=True)


def prepare(
    args: Any, game: Game, data: Spec, sizes: Sizes | None, held: ExitStack
) -> tuple[Work, PyTree]:
    """Everything before the first step: data, folder, devices, and the state found.

    The folder is `held` until that is closed. Whatever can refuse the run is asked before
    the folder is written to: a refusal leaves everything as it was.
    """
    run: Run = args.run
    game = tracked(game, run.track) if run.track else game
    source = load(data)
    say(describe(source))
    if run.scores:
        check_held_out(source, game)
    sizes = sizes or Sizes(1, run.batch, run.batch)
    check_sizes(run, shapes_of(source, sizes))
    check_fit(game, source, shapes_of(source, sizes))
    folder = held.enter_context(folders.claim(run.workdir))
    before = folders.read(folder) if (folder / "run.json").exists() else None
    folders.together("every process has looked, so the first may write")
    stream = streaming(source, sizes)
    manifest = folders.describe(args, source, stream.shapes)
    manifest["program"] = traced(game, source, stream.shapes)
    files = source.inventory()
    said = []
    if before is not None:
        kept = folders.inventory(folder)
        said = changes(folder, before, manifest, defaults(args), kept, files)
    made = machine(run, game, stream)
    state = made.init()
    folders.need_space(folder, sum(x.nbytes for x in jax.tree.leaves(state)))
    checkpoint.try_out(folder)
    if not is_resident(source):
        check_files(source, files)
    saves = checkpoint.open_saves(folder / folders.CHECKPOINTS)
    damaged: list[str] = []
    found = checkpoint.restore(saves, state, damaged.append)
    if damaged and found is None:
        # To begin anew would cost what may still be rescued.
        raise Mistake(no_whole_save(folder, damaged))
    said += damaged
    if found is not None:
        state = found
    elif run.init_from:
        state = borrow(Path(run.init_from), state)
    averages = kept_averages(run, folder, state) if run.track else None
    if chief():
        said += written(folder, manifest, type(args), files, step_of(state))
    for sentence in said:
        say(sentence)
    return Work(run, game, source, stream, made, folder, saves, averages), state


def written(
    folder: Path,
    manifest: dict[str, Any],
    kind: type,
    files: Mapping[str, str],
    step: int,
) -> list[str]:
    """Writes down what the run is and goes back to `step`; gives what is to be said."""
    path = code.source_file(kind)
    kept = code.read(path) if path else None
    said = []
    if folders.begin(folder, manifest, kept, step):
        said.append(
            f"{path} is not what {folder} was trained with until step {step}; the run goes "
            f"on with it, and {code.UNTIL}{step:09d} keeps the code before."
        )
    elif kept is not None and kept.beside:
        names = ", ".join(kept.beside)
        said.append(f"{folder} keeps {path}, and what it imports beside it: {names}.")
    folders.keep_inventory(folder, files)
    for name in (logs.METRICS, logs.CLOCK):
        logs.trim(folder / name, step)
    attempts.settle(folder, step)
    return said


def kept_averages(run: Run, folder: Path, state: PyTree) -> checkpoint.Saves:
    """The averages kept until `state`, with room on the disk for those to come."""
    more = (run.steps - step_of(state)) // (run.keep_every or run.steps) + 1
    each = sum(x.nbytes for x in jax.tree.leaves(state.averages))
    folders.need_space(folder, each, more)
    averages = checkpoint.open_saves(folder / folders.AVERAGES, keep_all=True)
    checkpoint.forget(averages, step_of(state))
    return averages


def play(work: Work, state: PyTree) -> tuple[PyTree, int]:
    """The steps that are still to be played; also the signal that stopped it, or 0."""
    run, folder, made, done = work.run, work.folder, work.made, step_of(state)
    with ExitStack() as stack:
        asked = stack.enter_context(asked_to_stop())
        record = stack.enter_context(hooks.recorder(folder))
        saving, due = along_the_way(work, record)
        make_up(work, state, due)
        if done >= run.steps:
            say(f"{folder} was finished before, at step {done}: --steps beyond go on.")
            return state, 0
        begun = "resumes at" if done else "begins with"
        say(f"{folder}: {begun} step {done} on {folders.device()}; compiling ...")
        began = time.perf_counter()
        state, _ = jax.block_until_ready(made.program(state, made.window(done), 0))
        seconds = time.perf_counter() - began
        say(f"Compiled in {seconds:.1f} s; programs are kept in {keep_programs()}.")
        if chief():
            folders.set_status(folder, "running", done)
        watch = hooks.ignore
        if chief():
            images = int(np.prod(work.stream.shapes.d.label.shape)) * run.seeds
            shown = progress(folder, done, run.steps, images, run.log_every)
            show = stack.enter_context(shown)
            watch = hooks.numbers(record, run.log_every, run.steps, show)

        def rescue(step: int, state: PyTree) -> None:
            """Saves what would be lost; on several processes, only one may have failed."""
            if jax.process_count() == 1 and step not in work.saves.orbax.all_steps():
                with suppress(Exception):  # the error that led here is the one to tell
                    saving(step, state, {})
                    checkpoint.finish(work.saves)

        stopped = 0

        def agreed(count: int, stop: int) -> tuple[int, int]:
            nonlocal stopped
            count, stopped = agree(count, stop)
            return count, stopped

        state = fit(
            made.program,
            state,
            made.window,
            run.steps,
            longest=work.stream.longest,
            hooks=[Every(n, hook) for n, hook in due.values()],
            watch=watch,
            agree=agreed,
            stop=asked,
            rescue=rescue,
        )
        done = step_of(state)
        if done < run.steps and done not in work.saves.orbax.all_steps():
            saving(done, state, {})
        return state, stopped


def along_the_way(
    work: Work, record: hooks.Watch
) -> tuple[Hook, dict[str, tuple[int, Hook]]]:
    """What saves, and by name all that is due now and then: every how many steps, what.

    The order counts: a save comes before all that looks at its state, so that nothing that
    these fall over can cost it.
    """
    run, folder, saves = work.run, work.folder, work.saves
    kept: Row = {}
    common = folder, run.seed, work.made, work.game, work.source
    saving = hooks.saving(folder, saves, work.averages)
    due = {
        "logs": (run.log_every, lambda step, state, row: None),
        "saves": (run.save_every or run.steps, saving),
        "pictures": (run.sample_every or run.steps, hooks.pictures(*common)),
    }
    if work.averages:
        keeping = hooks.keeping(work.averages)
        due = {"averages": (run.keep_every or run.steps, keeping), **due}
    if run.scores:
        scores = hooks.scores(*common, attempts.recorded(folder, record), kept)

        def rated(step: int, state: PyTree, row: Row) -> None:
            scores(step, state, row)
            if kept.get("step") == step:
                checkpoint.rate(saves, step, float(np.mean(kept["score"])))

        scoring = attempts.limited(folder, rated)
        due["scores"] = (run.evaluate_every or run.steps, scoring)
    return saving, due


def make_up(work: Work, state: PyTree, due: dict[str, tuple[int, Hook]]) -> None:
    """Pictures and scores that a kill kept from the step at which a run resumes."""
    done, folder = step_of(state), work.folder
    owed = {
        "pictures": not (folder / "samples" / f"{done:09d}.png").exists(),
        "scores": attempts.is_owed(folder, done),
    }
    for name, (n, hook) in due.items():
        if done and owed.get(name) and (done % n == 0 or done == work.run.steps):
            hook(done, state, {})


def is_resident(source: Source) -> bool:
    """Whether the data fits into the devices' memory."""
    one = np.dtype(source.dtype).itemsize * int(np.prod(source.shape))
    return source.length * one <= RESIDENT_BYTES


def streaming(source: Source, sizes: Sizes) -> Stream:
    """The turns of every step: from the devices' memory if the data fits into it."""
    if is_resident(source):
        return resident(whole(source), sizes)
    here, count = jax.process_index(), jax.process_count()
    return streamed(source, sizes, process=here, count=count)


def check_files(source: Source, files: Mapping[str, str]) -> None:
    """Raises a `Mistake` that names all files that cannot be decoded.

    What is streamed is otherwise met one by one, days into a run. The same files are only
    looked at once on a machine.
    """
    text = json.dumps([source.shape, dict(files)])
    seen = cache.folder() / "decoded" / hashlib.sha256(text.encode()).hexdigest()
    if files and seen.exists():
        return
    sentences = broken(source)
    if sentences:
        raise broken_mistake(source, sentences)
    with suppress(OSError):
        seen.parent.mkdir(parents=True, exist_ok=True)
        seen.touch()


def close(work: Work, state: str, step: int, sentence: str = "") -> None:
    """Leaves the folder as a person will want to find it: status, animation, report.

    Where the disk is full, the status is still told, and the rest stays as it was.
    """
    if not chief():
        return
    drawn = evenly(sorted((work.folder / "samples").glob("*.png")), FRAMES)
    drawn = [path for path in drawn if is_whole(path)]
    with suppress(OSError):
        folders.set_status(work.folder, state, step, sentence)
    # After an error that error is what is to be told, not what it costs the page.
    with suppress(OSError, Mistake) if state != "finished" else nullcontext():
        if drawn:
            animate(drawn, work.folder / ANIMATION)
        write_report(work.folder)


def agree(count: int, stop: int) -> tuple[int, int]:
    """The first process's count, and the signal by which any process is to stop."""
    if jax.process_count() == 1:
        return count, stop
    both = multihost_utils.process_allgather(np.asarray([count, stop]))
    return int(both[0, 0]), int(both[:, 1].max())
