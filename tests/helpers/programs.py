"""A pytest plugin that keeps compiled programs from one run of the tests to the next.

Each process writes to a folder of its own, so that none reads what another is still
writing. At its end it adds what is new to the common folder in pytest's cache, of which
the next processes begin with all.
"""

import os
import shutil
import tempfile
from pathlib import Path

import jax


LIMIT = 2 * 2**30  # bytes of programs that are kept, the newest of them


class Programs:
    """The compilation cache of this process, and the common one."""

    def __init__(self, common: Path):
        self.common = common
        self.own = Path(tempfile.mkdtemp(prefix="ganjax-programs-"))
        for path in common.iterdir():
            _link(path, self.own / path.name)

    def pytest_sessionfinish(self):
        for path in self.own.iterdir():
            _link(path, self.common / path.name)
        shutil.rmtree(self.own, ignore_errors=True)


def _link(path: Path, target: Path) -> None:
    """Gives a file a second name; no reader sees less than the whole of it."""
    try:
        os.link(path, target)
    except FileExistsError:
        pass
    except OSError:
        # Two file systems, or one without links.
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        shutil.copyfile(path, part)
        part.replace(target)


def _forget_oldest(folder: Path) -> None:
    """Programs of code that has since changed are not asked for again."""
    newest = sorted(folder.iterdir(), key=lambda path: -path.stat().st_mtime)
    total = 0
    for path in newest:
        total += path.stat().st_size
        if total > LIMIT:
            path.unlink(missing_ok=True)


def pytest_configure(config):
    if not hasattr(config, "cache"):
        return  # with `-p no:cacheprovider` nothing is to be kept
    common = Path(config.cache.mkdir("programs"))
    if not hasattr(config, "workerinput"):
        _forget_oldest(common)
    programs = Programs(common)
    config.pluginmanager.register(programs, "programs")
    jax.config.update("jax_compilation_cache_dir", str(programs.own))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
