"""`ganjax check`: which saves of a run are intact."""

from dataclasses import dataclass
from pathlib import Path

from ganjax.errors import UsageError
from ganjax.run.args import RunFolder
from ganjax.run.terminal import say
from ganjax.store.check import advice, check_saves, describe_state, leftovers
from ganjax.store.workdir import AVERAGES, CHECKPOINTS


@dataclass(frozen=True)
class Args:
    """Checks whether the saves of a run are intact, and repairs what it can."""

    run: RunFolder
    """The folder of a run."""


def main(args: Args) -> None:
    """Prints which saves of a run are intact, and repairs what can be repaired.

    Raises:
        UsageError: if none is intact, so that the exit status tells it to a script.
    """
    folder = Path(args.run).expanduser()
    say(describe_state(folder))
    saves = check_saves(folder)
    for save in saves:
        name = "average" if save.folder == AVERAGES else "save"
        result = f"damaged: {save.problem}" if save.problem else "intact"
        repairs = f" ({save.repairs})" if save.repairs else ""
        say(f"{name} of step {save.step}: {result}{repairs}")
    for path in leftovers(folder):
        say(
            f"{path.name}: what a save that was killed has left; the next start removes it"
        )
    for sentence in advice(folder, saves):
        say(sentence)
    if all(save.problem for save in saves if save.folder == CHECKPOINTS):
        raise UsageError(
            f"{folder} has no intact save: restore one from a backup, or begin the run "
            "anew in another --workdir."
        )
