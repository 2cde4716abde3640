"""JAX's persistent cache of compiled programs: the next start need not compile again."""

import atexit
import os
import platform
import shutil
import tempfile
from pathlib import Path

import jax

from ganjax.store import cache
from ganjax.store.hashing import sha256


def keep_programs() -> Path:
    """Turns on JAX's cache of compiled programs, and returns its folder.

    If JAX has a cache already, as by `JAX_COMPILATION_CACHE_DIR`, that one is used, and
    with `JAX_ENABLE_COMPILATION_CACHE=0` nothing is kept. JAX compiles again what is
    damaged there. If the folder cannot be written, programs are kept until the process
    ends.

    The setting holds for the rest of the process: what it compiles later is kept, too.
    """
    configured = jax.config.jax_compilation_cache_dir  # pyright: ignore
    if configured:
        return Path(configured)
    folder = cache.folder() / "programs" / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        # JAX would warn of such a folder at each program.
        folder = Path(tempfile.gettempdir(), f"ganjax-{os.getpid()}", "programs")
        atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def _processor() -> str:
    """A name for this CPU's instruction set: other CPUs may not run programs for it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    flags = [line for line in lines if line.lower().startswith(("flags", "features"))]
    text = flags[0] if flags else platform.processor()
    return f"{platform.machine()}-{sha256(text)[:8]}"
