"""How situations are given to processes, each of which must survive what it plays."""

import gc
import json
import logging
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.fuzz import KINDS, SHARES
from tests.fuzz.harness import LIMIT, Wrong, play, seeded, stay_alive


ROOT = Path(__file__).parents[2]
MEMORY = 12 * 2**30  # bytes that a process may have
RENEW = 3  # the status of a process that some thread of it hangs in
Job = tuple[str, int]  # kind and number
Result = dict[str, Any]


def jobs(kinds: list[str], count: int, seed: int) -> list[Job]:
    """At least `count` situations, spread over the kinds by their shares."""
    shares = {kind: SHARES.get(kind, 1.0) for kind in kinds}
    whole = sum(shares.values())
    numbers = {kind: math.ceil(count * share / whole) for kind, share in shares.items()}
    first = seed * 1_000_000
    found = [
        (kind, first + i) for kind, number in numbers.items() for i in range(number)
    ]
    found.sort(key=lambda job: (job[1], job[0]))
    return found


def prepare(folder: Path, kinds: list[str]) -> None:
    """Trains the runs that situations of these kinds copy."""
    from tests.fuzz import ready

    ready.make(folder, kinds)


def one(kind: str, number: int, place: Path, ready: Path) -> Result:
    """Plays one situation in a new folder of `place`, and how that ended."""
    os.environ["GANJAX_FUZZ_READY"] = str(ready)
    rng = seeded(kind, number)
    began, wrong, end = time.perf_counter(), "", "wrong"
    folder = Path(tempfile.mkdtemp(prefix="at-", dir=place))
    try:
        outcome = play(KINDS[kind](rng), folder / "s", rng)
        end = "refused" if outcome.sentence else "worked"
        said = outcome.sentence
    except Wrong as error:
        wrong, said = str(error), ""
    except Exception as error:  # of the harness itself
        frame = error.__traceback__
        while frame and frame.tb_next:
            frame = frame.tb_next
        where = (
            f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
        )
        wrong, said = f"THE HARNESS: {type(error).__name__}: {error} at {where}", ""
    seconds = time.perf_counter() - began
    _forget(kind)
    done = {"kind": kind, "number": number, "wrong": wrong, "end": end}
    return {**done, "said": said, "seconds": seconds}


def _forget(kind: str) -> None:
    """Lets go of reads that failed, of which asyncio tells when they are collected.

    A command's process ends before that; here the next situation would be blamed.
    """
    if kind in ("run", "command"):
        logger = logging.getLogger("asyncio")
        logger.disabled = True
        gc.collect()
        logger.disabled = False


def line(result: Result) -> str:
    """A result in a line."""
    how = result["wrong"] or result["said"] or "worked"
    return f"{result['kind']}:{result['number']} ({result['seconds']:.1f} s) {how}"


def spread(todo: list[Job], processes: int, top: Path) -> list[Result]:
    """Plays all of them in so many processes; one that dies is told and replaced."""
    queues = [todo[i::processes] for i in range(processes)]
    running = [_start(queue, top, i) for i, queue in enumerate(queues) if queue]
    results: list[Result] = []
    while running:
        time.sleep(0.2)
        for item in list(running):
            process, queue, path, number = item
            if process.poll() is None:
                continue
            running.remove(item)
            done = [json.loads(row) for row in path.read_text().splitlines()]
            results += done
            rest = queue[len(done) :]
            if process.returncode == RENEW:
                running += [_start(rest, top, number)] if rest else []
            elif rest:
                kind, which = rest[0]
                why = f"its process ended ({process.returncode}): {_last(path)}"
                death = {"kind": kind, "number": which, "wrong": why, "end": "wrong"}
                results.append({**death, "said": "", "seconds": 0.0})
                if rest[1:]:
                    running.append(_start(rest[1:], top, number))
    return results


def _start(queue: list[Job], top: Path, number: int) -> tuple:
    place = Path(tempfile.mkdtemp(prefix=f"process-{number}-", dir=top))
    (place / "jobs").write_text(json.dumps(queue))
    path = place / "results"
    path.touch()
    command = [sys.executable, "-m", "tests.fuzz.work", str(place), str(top / "ready")]
    with (place / "screen").open("w") as screen:
        process = subprocess.Popen(command, cwd=ROOT, stdout=screen, stderr=screen)
    return process, queue, path, number


def _last(path: Path) -> str:
    words = (path.parent / "screen").read_text(errors="replace")[-2000:]
    lines = [
        text for text in words.splitlines() if "ganjax/" in text or "Error" in text
    ]
    return " | ".join(lines[:3])[:400]


def main() -> None:
    """A process's share: `place` has its jobs and takes its results."""
    place, ready = map(Path, sys.argv[1:])
    rooms = place / "rooms"
    rooms.mkdir()
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with (place / "results").open("a", buffering=1) as results:
        for kind, number in json.loads((place / "jobs").read_text()):
            stay_alive(2 * LIMIT)
            result = one(kind, number, rooms, ready)
            results.write(json.dumps(result) + "\n")
            for folder in rooms.iterdir():
                shutil.rmtree(folder, ignore_errors=True)
            if "hangs" in result["wrong"]:
                os._exit(RENEW)
    os._exit(0)  # without waiting for threads


if __name__ == "__main__":
    main()
