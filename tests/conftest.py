"""Eight simulated devices, strict shapes, and compiled programs kept between runs."""

import atexit
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest


pytest_plugins = ["tests.helpers.programs", "tests.helpers.times"]

if "GANJAX_CACHE" not in os.environ:
    CACHE = tempfile.mkdtemp(prefix="ganjax-cache-")
    os.environ["GANJAX_CACHE"] = CACHE  # also of the processes of the tests
    atexit.register(shutil.rmtree, CACHE, ignore_errors=True)
FLAGS = [
    "--xla_backend_optimization_level=0",
    "--xla_cpu_parallel_codegen_split_count=1",
]
if version("jax").startswith("0.10."):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ["XLA_FLAGS"] = " ".join(FLAGS)  # quick to compile

import jax  # noqa: E402

from ganjax import errors  # noqa: E402
from ganjax.errors import command_line  # noqa: E402


jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

# A device that waits for the others holds a thread. With a thread for each device, two
# that wait in different places wait for ever.
os.environ["NPROC"] = "32"
jax.devices()
del os.environ["NPROC"]  # processes that the tests start have the machine's own number


def pytest_collection_modifyitems(items):
    """`make test` takes what is not slow; tests of the whole system all are."""
    system = Path(__file__).parent / "system"
    for item in items:
        if system in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """`--dist loadscope`: a process plays all of a file, or of an experiment's tests."""
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    def scope(nodeid):
        file, *_, test = nodeid.split("::")
        each = file.endswith("test_experiments.py")
        return file + test.rpartition("[")[2] if each else file

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = scope
    return scheduler


@pytest.fixture(autouse=True)
def command_line_words():
    """Sentences name arguments as flags in every test, whoever is called in it."""
    with command_line():
        yield


@pytest.fixture
def python_names(monkeypatch):
    """Sentences name arguments as in Python."""
    monkeypatch.setattr(errors, "_command_lines", 0)


@pytest.fixture(autouse=True, scope="module")
def forget():
    """What a file's tests compiled is no use to another's, and takes gigabytes."""
    yield
    jax.clear_caches()
