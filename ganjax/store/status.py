"""The status of a run, `status.json` in its folder: whether it runs, ended or failed."""

import errno
import json
from pathlib import Path
from typing import Any, Literal

from ganjax.store import json_object
from ganjax.store.atomic import write


STATUS = "status.json"

RunState = Literal["running", "finished", "stopped", "diverged", "failed"]


def read_status(folder: Path) -> dict[str, Any]:
    """Returns the object that `write_status` wrote, or {} if that cannot be read.

    The file may have been edited, so its keys "state", "step" and "sentence" may be missing
    and have values of any type.
    """
    return json_object.read(folder / STATUS)


def write_status(folder: Path, state: RunState, step: int, sentence: str = "") -> None:
    """Records the status of a run.

    Args:
        folder: the folder of the run.
        state: whether it runs, or how it ended. A run that was killed stays "running".
        step: the last step of which the state is on the disk.
        sentence: what else a person should know, such as why it ended.
    """
    text = json.dumps({"state": state, "step": step, "sentence": sentence}) + "\n"
    path = folder / STATUS
    try:
        write(path, text)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not path.exists():
            raise
        # A full disk has no room for a second file, but the old one can be overwritten in
        # place. Not atomic, but that the disk is full is just what has to be recorded.
        with path.open("r+") as file:
            file.write(text)
            file.truncate()
