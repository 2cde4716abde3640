"""Commands and environments of processes that tests start, and where files are."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax


ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
FIXTURES = ROOT / "tests" / "parity" / "fixtures"


def environment(folder: Path, devices: int = 1) -> dict[str, str]:
    """The environment of a process of its own: some CPU devices, kept programs.

    Programs are kept where this process keeps its own, so that what one test's process
    compiled is there for the next test's; in `folder` where this process keeps none.
    """
    programs = jax.config.jax_compilation_cache_dir or str(folder / "xla")
    return os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JAX_COMPILATION_CACHE_DIR": programs,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "PYTHONPATH": str(ROOT),
    }


def experiment(name: str, *flags: object) -> list[str]:
    """The command that runs an experiment."""
    script = str(ROOT / "experiments" / f"{name}.py")
    return [sys.executable, script, *map(str, flags)]


def finished(
    command: Sequence[object], folder: Path, **options: Any
) -> subprocess.CompletedProcess:
    """Runs a command to its end and gives its status and what it printed.

    Its environment is that of `environment(folder)` unless the options, which are those
    of `subprocess.run`, have another.
    """
    given: dict[str, Any] = {"env": environment(folder), "check": False, **options}
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, **given)
