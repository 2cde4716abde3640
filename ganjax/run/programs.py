"""Compiled programs, kept on disk so that the next start takes seconds."""

import atexit
import hashlib
import os
import platform
import shutil
import tempfile
from pathlib import Path

import jax

from ganjax.evaluation import cache


def keep_programs() -> Path:
    """Makes JAX keep what it compiles, and says where.

    A folder given to JAX itself, as in `JAX_COMPILATION_CACHE_DIR`, stays as it is, and
    `JAX_ENABLE_COMPILATION_CACHE=0` keeps nothing. A damaged program is compiled again.
    Without a home that can be written they are kept until the process ends.
    """
    given = jax.config.jax_compilation_cache_dir  # pyright: ignore
    if given:
        return Path(given)
    folder = cache.folder() / "programs" / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:  # JAX would warn of it at each program
        folder = Path(tempfile.gettempdir(), f"ganjax-{os.getpid()}", "programs")
        atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def _processor() -> str:
    """A name for what this CPU can do: programs that use it do not run on others."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    can = [line for line in lines if line.lower().startswith(("flags", "features"))]
    seen = can[0] if can else platform.processor()
    digest = hashlib.sha256(seen.encode()).hexdigest()[:8]
    return f"{platform.machine()}-{digest}"
