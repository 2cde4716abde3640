"""What a run takes of a device, in words, and what is refused."""

from pathlib import Path
from types import SimpleNamespace

import jax
import pytest

from ganjax.errors import UsageError
from ganjax.run import memory


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (173_400_000, "173 MB"),
        (999_400_000, "999 MB"),
        (10**9, "1.0 GB"),
        (2_140_000_000, "2.1 GB"),
    ],
)
def test_bytes_are_told_in_words(size, words):
    assert memory.format_bytes(size) == words


def test_the_memory_of_a_device_is_what_its_programs_may_use(monkeypatch):
    found = {"bytes_limit": 7, "peak_bytes_in_use": 5}
    gpu = SimpleNamespace(platform="gpu", memory_stats=lambda: found)
    other = SimpleNamespace(platform="tpu", memory_stats=lambda: None)
    monkeypatch.setattr(jax, "local_devices", lambda: [gpu, other])
    assert memory.device_bytes() == 7
    monkeypatch.setattr(jax, "local_devices", lambda: [other])
    assert memory.device_bytes() == 0


def test_a_cpu_has_the_memory_of_the_machine():
    lines = Path("/proc/meminfo").read_text().splitlines()
    total = next(int(line.split()[1]) for line in lines if line.startswith("MemTotal"))
    assert memory.device_bytes() == 1024 * total


def test_what_does_not_fit_is_one_sentence_before_the_first_step(monkeypatch):
    monkeypatch.setattr(memory, "device_bytes", lambda: 80 * 10**9)
    memory.check_memory(80 * 10**9)
    expected = (
        "A step takes 90.0 GB on each device, which has 80.0 GB: give a smaller --batch, "
        "or --microbatches 2 or more."
    )
    with pytest.raises(UsageError) as error:
        memory.check_memory(90 * 10**9)
    assert str(error.value) == expected
    monkeypatch.setattr(memory, "device_bytes", lambda: 0)
    memory.check_memory(10**18)
