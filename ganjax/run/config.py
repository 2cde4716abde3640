"""The configuration of a run: its `Run`, and what else a user keeps with it.

An experiment passes the dataclass of its flags, a notebook may pass a dict or nothing.
Whatever it is, the folder of the run keeps it as JSON.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from ganjax.errors import UsageError
from ganjax.run.args import (
    Run,
    brief,
    check,
    convert_types,
    defaults,
    path_text,
    to_json,
)
from ganjax.store import code


class Config(NamedTuple):
    """What a run is trained with, besides its game and its data.

    Attributes:
        run: the settings of the run.
        values: all values, as JSON holds them; those of `run` are under "run".
        defaults: the default of each value that has one, by its path, such as "run.steps".
        file: the file of the experiment; None if there is none, as in a notebook.
        doc: the first line of that file's docstring.
    """

    run: Run
    values: dict[str, Any]
    defaults: dict[str, Any]
    file: Path | None
    doc: str


def make_config(run: Any, config: Any, caller: Mapping[str, Any]) -> Config:
    """Checks the settings of a run and brings them into one form.

    Args:
        run: a `Run`.
        config: an experiment's dataclass, a dict, or None.
        caller: the global variables of the code that trains; its file is that of the
            experiment, unless `config` is of a class from another one.

    Raises:
        UsageError: a value has a wrong type, is out of range, or is nothing that JSON can
            hold.
    """
    if not isinstance(run, Run):
        raise UsageError(
            f"The run is given as {brief(run)}: give ganjax.Run(folder, steps=..., "
            "batch=...)."
        )
    # Arguments that were made in Python have not been through the parser of flags.
    run = convert_types(run)
    check(run)
    settings = {"run": to_json(run)}
    run_defaults = {f"run.{name}": x for name, x in defaults(run).items()}
    if config is None or isinstance(config, Mapping):
        values = json.loads(json.dumps(dict(config or {}), default=path_text))
        file = code.file_of(caller.get("__file__"))
        doc = caller.get("__doc__") if file else ""
        return Config(run, values | settings, run_defaults, file, _first_line(doc))
    if isinstance(config, type) or not is_dataclass(config):
        raise UsageError(
            f"The config is given as {brief(config)}: give an experiment's dataclass, a "
            "dict, or nothing."
        )
    config = convert_types(config)
    check(config)
    # The run that is trained may be another than that of the flags.
    if hasattr(config, "run"):
        config = replace(config, run=run)
    file = code.source_file(type(config)) or code.file_of(caller.get("__file__"))
    module = sys.modules.get(type(config).__module__) if file else None
    return Config(
        run=run,
        values=to_json(config) | settings,
        defaults=run_defaults | defaults(config),
        file=file,
        doc=_first_line(module.__doc__ if module else ""),
    )


def _first_line(doc: Any) -> str:
    lines = doc.strip().splitlines() if isinstance(doc, str) else []
    return lines[0] if lines else ""
