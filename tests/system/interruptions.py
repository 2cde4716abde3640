"""Runs that are interrupted in every way, again and again, end like one that never was.

    python -m tests.system.interruptions --count 100 --seed 0

plays so many runs of a small game on a folder of images that are read as they are needed.
Each is interrupted one to three times at random moments: killed, asked to stop, out of
room on its disk, out of memory or in error while scoring, or with a file that cannot be
read. Then it is played to its end, whose state, metrics and pictures are compared with
those of a run that nothing happened to, bit for bit.
"""

import argparse
import fcntl
import json
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image


STEPS, EVERY, SCORED = 80, 10, 20
IMAGES, SIDE = 48, 4
SECONDS = 120  # after which something hangs
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT)
# What a run may end with: finished, to be mended, a signal that it heard, a kill.
HEARD = {0, 2, *(128 + number for number in SIGNALS)}


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    status: int  # of the exit, or minus the number of the signal that killed it
    said: str


def draw_images(folder: Path) -> Path:
    """A folder of training images and held-out ones, no two alike."""
    for split, first in (("train", 0), ("test", 1000)):
        (folder / split).mkdir(parents=True)
        for i in range(IMAGES):
            rows = np.random.default_rng(first + i).integers(0, 256, (SIDE, SIDE))
            Image.fromarray(rows.astype(np.uint8)).save(folder / split / f"{i}.png")
    return folder


def game():
    """Two small MLPs."""
    import optax

    import ganjax
    from ganjax import losses
    from ganjax.models import mlp

    adam = optax.adam(1e-3)
    return ganjax.game(
        ganjax.GAN(
            ganjax.Player(mlp.Generator(shape=(SIDE, SIDE, 1), width=8), adam),
            ganjax.Player(mlp.Discriminator(width=8), adam),
            losses.hinge(),
            ganjax.core.normal(2),
            ema=optax.constant_schedule(0.9),
        )
    )


def train(run: Path, data: Path) -> None:
    """The command, in a process that does nothing else."""
    import dataclasses

    import ganjax
    from ganjax import loop
    from ganjax.run import NoPrefix, Run, training
    from ganjax.run.command import exit_on_error
    from ganjax.store import readback

    kind = dataclasses.make_dataclass("Args", [("run", NoPrefix[Run])], frozen=True)
    training.RESIDENT_BYTES = 0  # the files are read while it is played
    loop.CALL_SECONDS = 0.02  # there are moments between many calls
    with exit_on_error():
        flags = Run(
            str(run),
            steps=STEPS,
            batch=8,
            devices="jit",
            log_every=5,
            save_every=EVERY,
            sample_every=EVERY,
            evaluate_every=SCORED,
        )
        ganjax.train(game(), data, flags, config=kind(flags))
        # What comes now would interrupt this check, and no longer the command.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert readback.find_problem(run / "checkpoints" / str(STEPS)) == ""


def in_a_process(words: int, act: Callable[[], None]) -> int:
    """Begins `act` in a process of its own, which speaks into a pipe."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX has not begun anything here yet
        number = os.fork()
    if number:
        return number
    status = 1
    try:
        for each in SIGNALS:  # what runs in the background may be told to ignore some
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(words, 1)
        os.dup2(words, 2)
        act()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait(number: int, seconds: float) -> int | None:
    """The status of a process that ends in time."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        ended, status = os.waitpid(number, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def play(
    run: Path,
    data: Path,
    prepare: Callable[[], None] = lambda: None,
    moment: float = SECONDS,
    happen: Callable[[int], None] = lambda number: None,
) -> Ended:
    """One process; at a moment something may happen to it."""
    # Not a file: on a full disk that could not grow either.
    ear, mouth = os.pipe()
    fcntl.fcntl(ear, fcntl.F_SETPIPE_SZ, 2**20)

    def act():
        prepare()
        train(run, data)

    number = in_a_process(mouth, act)
    os.close(mouth)
    status = wait(number, moment)
    if status is None:
        happen(number)
        status = wait(number, SECONDS)
    hangs = status is None
    if hangs:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
    with open(ear, "rb") as words:
        said = words.read().decode(errors="replace")
    assert not hangs, f"{run} hangs: {said[-2000:]}"
    return Ended(status, said)


def killed(run, data, rng, seconds):
    """SIGKILL at any moment."""
    return play(run, data, moment=rng.uniform(0, seconds), happen=_send(signal.SIGKILL))


def asked(run, data, rng, seconds):
    """A signal that asks to stop, at any moment."""
    number = SIGNALS[rng.integers(len(SIGNALS))]
    ended = play(run, data, moment=rng.uniform(0, seconds), happen=_send(number))
    if ended.status == 128 + number and "compiling" in ended.said:
        assert "and saved" in ended.said or "Stopped." in ended.said, ended
    return ended


def without_room(run, data, rng, seconds):
    """From a moment on, no file can grow beyond a few bytes, as on a full disk."""

    def happen(number):
        room = int(rng.integers(0, 4000))
        resource.prlimit(number, resource.RLIMIT_FSIZE, (room, room))

    return play(run, data, moment=rng.uniform(0, seconds), happen=happen)


def scoring_killed(run, data, rng, seconds):
    """The system kills the process at one of its scorings, for want of memory."""
    return play(run, data, prepare=_failing_scores(int(rng.integers(4)), _die))


def scoring_failed(run, data, rng, seconds):
    """One of the scorings raises an error."""
    errors = MemoryError("no room"), ValueError("odd"), OSError(28, "No space left")

    error = errors[rng.integers(len(errors))]

    def fail():
        raise error

    return play(run, data, prepare=_failing_scores(int(rng.integers(4)), fail))


def unreadable(run, data, rng, seconds):
    """From a moment on, one of the files is no image; afterward it is whole again."""
    path = data / "train" / f"{rng.integers(IMAGES)}.png"
    whole = path.read_bytes()
    spoiled = [b"", b"no image", whole[: len(whole) // 2]][rng.integers(3)]

    def happen(number):
        path.write_bytes(spoiled)

    try:
        return play(run, data, moment=rng.uniform(0, seconds), happen=happen)
    finally:
        path.write_bytes(whole)


KINDS = (killed, asked, without_room, scoring_killed, scoring_failed, unreadable)
EACH = (scoring_killed, asked, without_room), (scoring_failed, killed, unreadable)


def _send(number: int) -> Callable[[int], None]:
    return lambda process: os.kill(process, number)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _failing_scores(which: int, fail: Callable[[], None]) -> Callable[[], None]:
    """Makes the scoring of that number fail, counted in the process."""

    def prepare():
        from ganjax.run import hooks

        whole, count = hooks.score, [0]

        def score(*arguments):
            count[0] += 1
            if count[0] == which + 1:
                fail()
            return whole(*arguments)

        hooks.score = score

    return prepare


def left(run: Path) -> dict[str, Any]:
    """The metrics and pictures of a run."""
    names = [*run.rglob("*.png"), *run.rglob("*.webp")]
    names += [
        path
        for path in (run / "metrics.jsonl", run / "evaluation.json")
        if path.exists()
    ]
    return {str(path.relative_to(run)): path.read_bytes() for path in names}


def arrays(run: Path) -> dict[str, bytes]:
    """The SHA-256 of each array of the last save, which `train` has read back."""
    listed = run / "checkpoints" / str(STEPS) / "check" / "metadata"
    return json.loads(listed.read_text())["digests"]


def any_kinds(rng: np.random.Generator) -> list[Callable]:
    """One to three things that happen to a run."""
    return [KINDS[rng.integers(len(KINDS))] for _ in range(rng.integers(1, 4))]


def interrupted(
    run: Path,
    data: Path,
    whole: Path,
    kinds: Sequence[Callable],
    rng: np.random.Generator,
    seconds: float,
) -> list[str]:
    """Plays one run, and says what happened to it; asserts that it ends as `whole` did."""
    happened, unscored = [], False
    for kind in kinds:
        ended = kind(run, data, rng, seconds)
        happened.append(f"{kind.__name__} {ended.status}")
        unscored |= "Scores at step" in ended.said
        about = f"{happened}: {ended.said[-3000:]}"
        # An early Ctrl-C may fall into a callback of JAX, where Python cannot raise it.
        assert "Traceback" not in ended.said or "Exception ignored" in ended.said, about
        assert ended.status in HEARD or ended.status < 0, about
        if (run / "status.json").exists():
            status = json.loads((run / "status.json").read_text())
            expected = {0: {"finished"}, 2: {"stopped", "finished", "running"}}
            assert status["state"] in expected.get(ended.status, {status["state"]}), (
                about
            )
    ended = play(run, data)
    assert ended.status == 0, f"{happened}: {ended.said[-3000:]}"
    assert arrays(run) == arrays(whole), happened
    here, there = left(run), left(whole)
    if unscored or "Scores at step" in ended.said:
        # Some scores could not be made: all else is as it would have been.
        for each in (here, there):
            rows = each["metrics.jsonl"].decode().splitlines()
            each["metrics.jsonl"] = [row for row in rows if "frechet" not in row]
            each.pop("evaluation.json", None)
    assert here.keys() == there.keys(), (happened, here.keys() ^ there.keys())
    other = [name for name in here if here[name] != there[name]]
    assert not other, (happened, other)
    return happened


def main(plans: Mapping[int, Sequence[Callable]], seed: int, folder: Path) -> Counter:
    """Plays the runs; gives how often each kind of interruption met which status.

    Args:
        plans: number of a run -> what happens to it, one after another.
        seed: of the moments.
        folder: where the runs are.
    """
    import ganjax  # noqa: F401  the processes begin with what is imported here

    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder / "xla")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    data, whole = draw_images(folder / "data"), folder / "whole"
    ended = play(whole, data)
    assert ended.status == 0, ended.said
    began = time.monotonic()
    assert play(folder / "again", data).status == 0
    seconds = time.monotonic() - began  # now that its programs are kept
    assert arrays(folder / "again") == arrays(whole)
    found: Counter = Counter()
    for number, kinds in plans.items():
        run, rng = folder / f"run{number}", np.random.default_rng([seed, number])
        try:
            happened = interrupted(run, data, whole, kinds, rng, seconds)
            found.update(happened)
            print(f"{number}: {', '.join(happened)}", flush=True)
        except AssertionError as error:
            found["FAILED"] += 1
            print(f"{number} FAILED: {error}", flush=True)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--each", action="store_true", help="each kind, and no more")
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.count)
    plans = {n: any_kinds(np.random.default_rng([given.seed, n, 0])) for n in numbers}
    if given.each:
        plans = dict(enumerate(EACH))
    with tempfile.TemporaryDirectory(prefix="ganjax-interruptions-") as place:
        os.environ.setdefault("GANJAX_CACHE", f"{place}/cache")
        found = main(plans, given.seed, Path(place))
    for name, times in sorted(found.items()):
        print(f"{times:4} {name}")
    if found["FAILED"]:
        sys.exit(1)
    print(f"{len(plans)} runs ended in the same bits.")
