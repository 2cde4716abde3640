"""One run from its first line to its report: what every experiment's `main` calls.

`train` has three phases. `prepare` checks everything that could refuse the run, opens the
folder and restores or makes the state. `play` calls the loop (`ganjax.loop.fit`) with the
hooks that save, draw and score (`ganjax.run.hooks`). `finish` wraps `play`: however it
ends, the folder records how, and the report is written.

A run can be killed at any moment and resumed by the same command. The order in which this
file writes things follows from that: it decides what a kill can cost.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from ganjax.core import Batch, Game, PyTree
from ganjax.data import (
    Data,
    Sizes,
    Source,
    Stream,
    bytes_per_example,
    decoding,
    describe,
    find_unreadable,
    from_batches,
    from_object,
    read_all,
    resident,
    streamed,
    unreadable_error,
)
from ganjax.data.stream import shapes_of
from ganjax.errors import Interrupted, StopTraining, UsageError, short_traceback
from ganjax.games import posthoc_ema
from ganjax.loop import FINISH, DivergedError, Every, Hook, fit, step_of
from ganjax.modalities.pictures import (
    ANIMATION,
    MAX_FRAMES,
    animate,
    is_readable,
    pick_evenly,
)
from ganjax.parallel import barrier
from ganjax.report import write_report
from ganjax.run import attempts, hooks, own_hooks
from ganjax.run.args import Run
from ganjax.run.compiled import (
    CompiledGame,
    check_sizes,
    compile_game,
    join_processes,
)
from ganjax.run.config import Config, make_config
from ganjax.run.description import describe_devices, describe_run
from ganjax.run.evaluator import check_held_out
from ganjax.run.fitting import check_fit, step_digest
from ganjax.run.hooks import is_chief
from ganjax.run.loading import init_weights_from, no_intact_save
from ganjax.run.memory import check_memory, format_bytes
from ganjax.run.programs import keep_programs
from ganjax.run.progress import progress
from ganjax.run.resume import elsewhere, find_changes
from ganjax.run.sentences import as_usage_errors
from ganjax.run.signals import catch_stop_signals
from ganjax.run.terminal import say
from ganjax.run.writers import Writer
from ganjax.store import cache, checkpoint, code, metrics
from ganjax.store.hashing import sha256
from ganjax.store.manifest import (
    MANIFEST,
    read_inventory,
    read_manifest,
    write_inventory,
)
from ganjax.store.orbax_workarounds import quiet_orbax
from ganjax.store.status import RunState, write_status
from ganjax.store.workdir import (
    AVERAGES,
    CHECKPOINTS,
    RECONSTRUCTIONS,
    check_space,
    claim,
    write_start,
)


# Data up to this size is copied to the devices once; larger data is read for each call.
RESIDENT_BYTES = 2e9


class Work(NamedTuple):
    """What a run works with once `prepare` has accepted its input.

    Attributes:
        run: the settings of the run.
        game: the game, around which post-hoc EMA may be wrapped.
        source: the training data.
        stream: the turns of the steps, with examples as networks see them.
        compiled: the game, compiled for the devices.
        folder: the folder of the run, which is locked.
        saves: its saves.
        averages: the averages of post-hoc EMA that it keeps; None without `posthoc_ema`.
        hooks: the user's own hooks.
        writers: the user's own writers of rows.
    """

    run: Run
    game: Game
    source: Source
    stream: Stream
    compiled: CompiledGame
    folder: Path
    saves: checkpoint.Saves
    averages: checkpoint.Saves | None
    hooks: tuple[Every, ...] = ()
    writers: tuple[Writer, ...] = ()


class Played(NamedTuple):
    """What `play` came to.

    Attributes:
        state: the last state.
        stop: 0 at the last step; else the number of the signal that stopped the run, or
            `FINISH` if a hook ended it.
        reason: why a hook ended it, as far as this process knows.
    """

    state: PyTree
    stop: int = 0
    reason: str = ""


def train(
    game: Game,
    data: Any,
    run: Run,
    *,
    config: Any = None,
    hooks: Sequence[Every] = (),
    writers: Sequence[Writer] = (),
    sizes: Sizes | None = None,
) -> PyTree:
    """Trains a game on data in the folder `run.workdir`, or resumes it there.

    Args:
        game: what is trained, as `ganjax.game` or an experiment's `make(args)` returns it.
        data: the name or path of a data set, a `Spec`, arrays, `(x, label)`, anything with
            `__len__` and `__getitem__`, or a function from the step to a batch; see
            `ganjax.data.from_object`.
        run: the folder, the number of steps, the batch size, and what is written.
        config: what the folder keeps as the record of what was trained with: an
            experiment's dataclass or a dict of plain values.
        hooks: functions of your own, each as `every(n, f)`: after steps n, 2n, 3n, ... and
            at the end `f(step, state, row)` is called, where `row` holds the logs of the
            step. What it returns, numbers by name or None, becomes a row of
            `metrics.jsonl`; if it raises `ganjax.StopTraining`, the run ends there. The
            state must not be kept: the next step reuses its memory.
        writers: functions that get every row of the metrics; see `Writer`.
        sizes: how many turns D has in a step and how many images each player sees in a
            turn. By default each player has one turn of `run.batch` images.

    Returns:
        The last state.

    Example:
        >>> ganjax.train(digits, "digits", ganjax.Run("runs/first", steps=5_000, batch=64))

    Raises:
        UsageError: if the run is refused, before anything is compiled or written; or if it
            cannot go on, as when the disk is full. Then its status is "stopped", and the
            same call resumes it.
        DivergedError: if a number of the state or of the logs is not finite.
        Interrupted: if a signal stopped the run, after it was saved.
    """
    with short_traceback(), as_usage_errors(), ExitStack() as stack:
        if not isinstance(game, Game):
            raise UsageError(
                f"The game is given as {type(game).__name__}: give what ganjax.game makes."
            )
        if sizes is not None and not isinstance(sizes, Sizes):
            raise UsageError(f"The sizes are given as {sizes!r}: give Sizes(...).")
        # The file that calls this function is that of the experiment.
        settings = make_config(run, config, sys._getframe(1).f_globals)
        own_hooks.check_hooks(hooks)
        stack.enter_context(quiet_orbax())
        # The processes of a distributed run join before the first JAX operation, which
        # would otherwise start the devices of this process alone.
        join_processes(settings.run.distributed)
        keep_programs()
        opened = from_object(data, game.modality.load)
        # All that reads data later, as for scores, opens it as the user gave it.
        game = game._replace(modality=game.modality._replace(load=opened.load))
        work, state = prepare(settings, game, opened, sizes, stack)
        return finish(work._replace(hooks=tuple(hooks), writers=tuple(writers)), state)


def finish(work: Work, state: PyTree) -> PyTree:
    """Plays the steps that remain, and records in the folder how the run ended.

    Args:
        work: the run.
        state: the state from which it goes on.

    Returns:
        The last state.

    Raises:
        UsageError, DivergedError, Interrupted: as `train`, after status and report were
            written.
    """
    try:
        with as_usage_errors():
            played = play(work, state)
            # The last save may still be being written: only then is the run finished.
            checkpoint.finish(work.saves)
    except DivergedError as error:
        # If the save fails as well, the divergence is still the error to report.
        with suppress(Exception):
            checkpoint.finish(work.saves)
        # No hook sees a state that is not finite, so every save is of a good state.
        last = last_step(work)
        saved = f"The last good save is that of step {last}."
        sentence = f"{error} {saved if last else 'Nothing was saved before.'}"
        record_end(work, "diverged", last, sentence)
        raise DivergedError(f"{sentence} See {work.folder / 'report.html'}.") from None
    except UsageError as mistake:
        # Something that a person can fix, such as a full disk: the run can be resumed.
        delete_partial_saves(work.saves)
        last = last_step(work)
        record_end(work, "stopped", last, str(mistake))
        goes_on = (
            f"its last save is that of step {last}, from which the same command goes on"
        )
        if not last:
            goes_on = "nothing was saved yet, and the same command begins anew"
        raise UsageError(
            f"{str(mistake).rstrip('.')}. {work.folder} is stopped; {goes_on}."
        ) from mistake
    except BaseException as error:
        # A bug, or an interrupt while no handler of signals is set.
        last = last_step(work)
        record_end(work, "failed", last, f"{type(error).__name__}: {error}"[:500])
        raise
    # The loop returned normally: the run was stopped, or it is at its end.
    state = played.state
    done = step_of(state)
    if done < work.run.steps and played.stop != FINISH:
        sentence = f"{work.folder} is stopped at step {done} of {work.run.steps}"
        record_end(work, "stopped", done, "A signal asked for it.")
        raise Interrupted(
            f"{sentence}, and saved: the same command goes on.", played.stop
        )
    if done < work.run.steps:
        because = f": {played.reason.rstrip('.')}" if played.reason else ""
        record_end(work, "finished", done, f"A hook ended it early{because}.")
        say(
            f"{work.folder} is finished early, at step {done} of {work.run.steps}"
            f"{because}; the same command goes on."
        )
    else:
        record_end(work, "finished", done)
    if done > work.run.steps:
        say(
            f"{work.folder} is finished at step {done}, beyond --steps {work.run.steps}."
        )
    elif done == work.run.steps:
        say(f"{work.folder} is finished at step {done} of {work.run.steps}.")
    say(f"Pictures: {work.folder / 'samples'}  Report: {work.folder / 'report.html'}")
    return state


def last_step(work: Work) -> int:
    """Returns the step of the newest save that is on the disk; 0 if there is none."""
    # This is called while another error is reported, which must not be hidden by this one.
    with suppress(Exception):
        # Orbax also remembers saves that it began and that never reached the disk.
        work.saves.orbax.reload()
        return max(work.saves.orbax.all_steps(), default=0)
    return 0


def delete_partial_saves(saves: checkpoint.Saves) -> None:
    """Deletes what a failed save has left behind, as that may be what fills the disk."""
    with suppress(Exception):
        saves.orbax.wait_until_finished()
    if is_chief():
        # Complete saves are named by their step; Orbax writes to a folder with "tmp" in its
        # name and renames that once it is complete.
        for path in saves.folder.iterdir():
            if not path.name.isdigit() and "tmp" in path.name:
                shutil.rmtree(path, ignore_errors=True)


def prepare(
    config: Config, game: Game, data: Data, sizes: Sizes | None, stack: ExitStack
) -> tuple[Work, PyTree]:
    """Does everything that comes before the first step.

    Whatever could refuse the run is checked before the folder is written to, so that a
    refusal leaves everything as it was.

    Args:
        config: the settings of the run.
        game: the game.
        data: the data, which the game's modality loads.
        sizes: the sizes of a step, or None for the default.
        stack: holds the lock of the folder until it is closed.

    Returns:
        What the run works with, and the state from which it goes on: that of the newest
        save, or a new one.

    Raises:
        UsageError: if the run is refused.
    """
    run = config.run
    # The averages of EDM2 (Karras et al., 2024) are part of the state of the game.
    game = posthoc_ema(game, run.posthoc_ema) if run.posthoc_ema else game

    if run.init_parts and not run.init_from:
        raise UsageError(
            "--init-parts says whose weights are taken from --init-from, which is missing: "
            "give both, or neither."
        )
    if run.init_from and _is_same_folder(run.init_from, run.workdir):
        raise UsageError(
            f"--init-from {run.init_from} is the run's own folder: leave it out to resume "
            "the run, or name another --workdir to begin anew with its weights."
        )

    # What can be told from the headers of the data and from shapes alone.
    source = game.modality.load(data.spec)
    description = describe(source, game.modality.summary)
    say(description)
    if run.scores:
        check_held_out(source, game)
    sizes = sizes or Sizes(1, run.batch, run.batch)
    check_sizes(run, shapes_of(source, sizes))
    check_fit(game, source, shapes_of(source, sizes))

    # The folder: is it free, and if it holds a run, is that this one? All processes see one
    # folder, so none may write there before each has looked whether it is new.
    folder = stack.enter_context(claim(run.workdir))
    before = read_manifest(folder) if (folder / MANIFEST).exists() else None
    barrier("every process has looked, so the first may write")
    stream = decoding(make_stream(source, sizes, data.batches), game.modality)
    manifest = describe_run(config, source, shapes_of(source, sizes), description)
    manifest["program"] = step_digest(game, source, stream.shapes)
    manifest["pictures"] = list(game.conditions.columns)
    inventory = source.inventory()
    remarks = []
    if before is not None:
        remarks = find_changes(
            folder, before, manifest, config.defaults, read_inventory(folder), inventory
        )

    # A new state is also the template by which a save is restored: its structure, types and
    # shardings.
    compiled = compile_game(run, game, stream)
    state = compiled.init()
    check_space(folder, sum(x.nbytes for x in jax.tree.leaves(state)))
    checkpoint.check_folder(folder)
    # Resident data was decoded completely just now, so its files are known to be good.
    if not is_resident(source):
        check_files(source, inventory)
    saves = checkpoint.open_saves(folder / CHECKPOINTS)
    damaged: list[str] = []
    try:
        restored = checkpoint.restore(saves, state, damaged.append)
    except UsageError as mistake:  # it is of another game or optimizer
        sentence = str(mistake).rstrip(".")
        raise UsageError(f"{sentence}, or {elsewhere(folder)}.") from None
    if damaged and restored is None:
        # A new run here would overwrite what may still be rescued.
        raise UsageError(no_intact_save(folder, damaged))
    remarks += damaged
    if restored is not None:
        state = restored
    elif run.init_from:
        state = init_weights_from(Path(run.init_from), state, run.init_parts)
    averages = open_averages(run, folder, state) if run.posthoc_ema else None
    # Every check has passed: now the folder says what the run is.
    if is_chief():
        remarks += write_folder(
            folder, manifest, config.file, inventory, step_of(state)
        )
    for sentence in remarks:
        say(sentence)
    return Work(run, game, source, stream, compiled, folder, saves, averages), state


def _is_same_folder(one: str, other: str) -> bool:
    one, other = (os.path.realpath(os.path.expanduser(x)) for x in (one, other))
    return one == other


def write_folder(
    folder: Path,
    manifest: dict[str, Any],
    path: Path | None,
    inventory: Mapping[str, str],
    step: int,
) -> list[str]:
    """Writes into the folder what the run is, and removes what lies after `step`.

    Args:
        folder: the folder of the run.
        manifest: its manifest.
        path: the file of the experiment, which is kept; None if there is none.
        inventory: names and digests of the data.
        step: the step from which the run goes on.

    Returns:
        Sentences to be printed.
    """
    experiment = code.read_experiment(path) if path else None
    remarks = []
    if write_start(folder, manifest, experiment, step):
        remarks.append(
            f"{path} is not what {folder} was trained with until step {step}; the run goes "
            f"on with it, and {code.OLD_CODE_PREFIX}{step:09d} keeps the code before."
        )
    elif experiment is not None and experiment.imports:
        names = ", ".join(experiment.imports)
        remarks.append(
            f"{folder} keeps {path}, and what it imports from its folder: {names}."
        )
    write_inventory(folder, inventory)
    # Rows beyond the restored save are of steps that will be played again.
    for name in (metrics.METRICS, metrics.CLOCK):
        metrics.truncate(folder / name, step)
    attempts.add_missing_row(folder, step)
    return remarks


def open_averages(run: Run, folder: Path, state: PyTree) -> checkpoint.Saves:
    """Opens the averages that the run has kept so far, and checks the room for the rest.

    Averages of steps after that of `state`, which will be played again, are deleted.

    Args:
        run: the settings of the run.
        folder: its folder.
        state: the state from which it goes on, a `PosthocEMAState`.

    Raises:
        UsageError: if the disk has too little room.
    """
    # One every `keep_every` steps from here on, and the one at the end.
    count = (run.steps - step_of(state)) // (run.keep_every or run.steps) + 1
    size = sum(x.nbytes for x in jax.tree.leaves(state.averages))
    check_space(folder, size, count)
    averages = checkpoint.open_saves(folder / AVERAGES, keep_all=True)
    checkpoint.delete_after(averages, step_of(state))
    return averages


def play(work: Work, state: PyTree) -> Played:
    """Plays the steps that remain.

    Args:
        work: the run.
        state: the state from which it goes on.
    """
    run, folder, compiled = work.run, work.folder, work.compiled
    done = step_of(state)
    with ExitStack() as stack:
        arrived_signal = stack.enter_context(catch_stop_signals())
        record = stack.enter_context(hooks.recorder(folder, work.writers))
        requests: list[StopTraining] = []  # of hooks that end the run
        save, due = make_hooks(work, record, requests.append)
        call_owed_hooks(work, state, due)
        if done >= run.steps:
            say(f"{folder} was finished before, at step {done}: --steps beyond go on.")
            return Played(state)
        begun = "resumes at" if done else "begins with"
        say(f"{folder}: {begun} step {done} on {describe_devices()}; compiling ...")
        # The program is compiled for its memory, so that one which does not fit is refused
        # before it runs. A call of zero steps then loads it and leaves the state as it is.
        # Neither the progress bar nor the pace of the loop counts the time of either.
        began = time.perf_counter()
        window = compiled.window(done)
        needed = compiled.memory(state, window)
        check_memory(needed)
        state, _ = jax.block_until_ready(compiled.program(state, window, 0))
        seconds = time.perf_counter() - began
        say(f"Compiled in {seconds:.1f} s; programs are kept in {keep_programs()}.")
        if needed:
            say(f"A step takes {format_bytes(needed)} of each device's memory.")
        if is_chief():
            write_status(folder, "running", done)
        watch = hooks.ignore
        if is_chief():
            count = int(np.prod(work.stream.shapes.d.label.shape)) * run.seeds
            unit = work.game.modality.unit
            bar = progress(folder, done, run.steps, count, unit, run.log_every)
            show = stack.enter_context(bar)
            watch = hooks.log_watch(record, run.log_every, run.steps, show)

        def rescue(step: int, state: PyTree) -> None:
            """Saves the last good state after an error.

            Only in runs of one process: a save needs every process, and the others may not
            have failed and would never come to it.
            """
            if jax.process_count() == 1 and step not in work.saves.orbax.all_steps():
                # The error that led here is the one to report.
                with suppress(Exception):
                    save(step, state, {})
                    checkpoint.finish(work.saves)

        # `fit` returns the state alone, so the signal is remembered here: the exit status
        # of the process depends on it.
        stopped = 0

        def agree_and_remember(count: int, stop: int) -> tuple[int, int]:
            nonlocal stopped
            count, stopped = agree(count, stop)
            return count, stopped

        state = fit(
            compiled.program,
            state,
            compiled.window,
            run.steps,
            longest=work.stream.longest,
            hooks=list(due.values()),
            watch=watch,
            agree=agree_and_remember,
            stop=lambda: arrived_signal() or (FINISH if requests else 0),
            rescue=rescue,
        )
        # The hooks are due at the end of a run, but not where a signal has stopped it.
        done = step_of(state)
        if done < run.steps and done not in work.saves.orbax.all_steps():
            save(done, state, {})
        return Played(state, stopped, str(requests[0]) if requests else "")


def make_hooks(
    work: Work, record: hooks.RecordRow, end: Callable[[StopTraining], object]
) -> tuple[Hook, dict[str, Every]]:
    """Makes the hooks of a run.

    Args:
        work: the run.
        record: records a row of the metrics.
        end: is called with what a user's own hook raises to end the run.

    Returns:
        The hook that saves, and all hooks by name with the number of steps between their
        calls. Their order is that in which `fit` calls them: a save comes before everything
        that draws or scores its state, so an error or a kill there does not cost the save.
    """
    run, folder, saves = work.run, work.folder, work.saves
    common = folder, run.seed, work.compiled, work.game, work.source
    save = hooks.save_hook(folder, saves, work.averages)
    # "logs" does nothing itself. No call of the program crosses a step at which a hook is
    # due, and a row holds the logs of a call's last step: so there is one for each of them.
    due = {
        "logs": Every(run.log_every, lambda step, state, row: None),
        "saves": Every(run.save_every or run.steps, save),
        "pictures": Every(run.sample_every or run.steps, hooks.picture_hook(*common)),
    }
    if work.compiled.reconstruct:
        reconstructions = hooks.reconstruction_hook(
            folder, run.seed, work.compiled.reconstruct, work.game, work.source
        )
        due["reconstructions"] = Every(run.sample_every or run.steps, reconstructions)
    if work.averages:
        # First, as a save waits for the averages before it: see `hooks.save_hook`.
        keep = hooks.average_hook(work.averages)
        due = {"averages": Every(run.keep_every or run.steps, keep), **due}
    # The user's own come before all others: rows up to a save are on the disk by then.
    own = {
        f"own {i}": Every(n, own_hooks.recorded(hook, record, end))
        for i, (n, hook) in enumerate(work.hooks)
    }
    due = own | due
    if run.scores:

        def rate_save(step: int, score: np.ndarray) -> None:
            # The best save of a population is the one with the best mean of its members.
            checkpoint.record_score(saves, step, float(np.mean(score)))

        record_scores = attempts.record_once(folder, record)
        scoring = hooks.score_hook(*common, record_scores, rate_save)
        limited = attempts.limit_tries(folder, scoring)
        due["scores"] = Every(run.evaluate_every or run.steps, limited)
    return save, due


def call_owed_hooks(work: Work, state: PyTree, due: Mapping[str, Every]) -> None:
    """Makes the pictures and scores of the step at which a run resumes, if they are owed.

    The save comes before them, so a process that was killed after it has left them undone.
    """
    done, folder = step_of(state), work.folder
    picture = f"{done:09d}.png"
    owed = {
        "pictures": not (folder / "samples" / picture).exists(),
        "reconstructions": not (folder / RECONSTRUCTIONS / picture).exists(),
        "scores": attempts.is_owed(folder, done),
    }
    for name, (n, hook) in due.items():
        if done and owed.get(name) and (done % n == 0 or done == work.run.steps):
            hook(done, state, {})


def is_resident(source: Source) -> bool:
    """Returns whether the data is small enough to be kept on the devices."""
    return source.length * bytes_per_example(source) <= RESIDENT_BYTES


def make_stream(
    source: Source, sizes: Sizes, batches: Callable[[int], Batch] | None = None
) -> Stream:
    """Returns the stream of turns: from the devices' memory, or else read by the host.

    Both give the same turns, bit for bit.

    Args:
        source: the data.
        sizes: the sizes of a step.
        batches: the step -> its batch, if that is how the user gave the data.
    """
    index, count = jax.process_index(), jax.process_count()
    if batches is not None:
        return from_batches(batches, sizes, process=index, count=count)
    if is_resident(source):
        return resident(read_all(source), sizes)
    return streamed(source, sizes, process=index, count=count)


def check_files(source: Source, inventory: Mapping[str, str]) -> None:
    """Raises a `UsageError` that names all files that cannot be decoded.

    Streamed data is otherwise decoded file by file, and a damaged one might be found only
    days into a run.

    Args:
        source: the data.
        inventory: names and digests of its files; {} for data that is not in files.
    """
    # Decoding everything takes long, so files that were all found good are remembered by a
    # digest of their inventory and shape, and not decoded again on this machine.
    text = json.dumps([jax.tree.leaves(source.shape), dict(inventory)])
    mark = cache.folder() / "decoded" / sha256(text)
    if inventory and mark.exists():
        return
    errors = find_unreadable(source)
    if errors:
        raise unreadable_error(source, errors)
    with suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def record_end(work: Work, state: RunState, step: int, sentence: str = "") -> None:
    """Writes the status, the animation and the report of a run that ends here.

    Errors of the disk are ignored for the status, and for the rest unless the run has
    finished: before that, the error that ended the run is the one to report.

    Args:
        work: the run.
        state: "finished", "stopped", "diverged" or "failed".
        step: the step of the state that is on the disk.
        sentence: why it ended, for the status.
    """
    if not is_chief():
        return
    pictures = pick_evenly(sorted((work.folder / "samples").glob("*.png")), MAX_FRAMES)
    pictures = [path for path in pictures if is_readable(path)]
    # The status comes first: unlike the rest it can be written on a full disk.
    with suppress(OSError):
        write_status(work.folder, state, step, sentence)
    with suppress(OSError, UsageError) if state != "finished" else nullcontext():
        if pictures:
            animate(pictures, work.folder / ANIMATION)
        write_report(work.folder)


def agree(count: int, stop: int) -> tuple[int, int]:
    """Makes all processes play the same number of steps, and stop together.

    Args:
        count: how many steps this process would play.
        stop: the signal that this process has received, `FINISH`, or 0.

    Returns:
        The first process's count, and a signal that any of the processes has received;
        or else `FINISH` if a hook of any has ended the run.
    """
    if jax.process_count() == 1:
        return count, stop
    gathered = multihost_utils.process_allgather(np.asarray([count, stop]))
    # A signal leaves little time, so it comes before `FINISH`, which is negative.
    stops = gathered[:, 1]
    return int(gathered[0, 0]), int(stops.max() or stops.min())
