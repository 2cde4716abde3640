"""The memory that a program needs, and that devices and the machine have."""

import os

import jax

from ganjax.errors import UsageError


def check_memory(needed: int) -> None:
    """Checks that the program fits into a device, before its first step.

    Args:
        needed: the bytes that it takes on each device.

    Raises:
        UsageError: if a device has less.
    """
    available = device_bytes()
    if available and needed > available:
        raise UsageError(
            f"A step takes {format_bytes(needed)} on each device, which has "
            f"{format_bytes(available)}: give a smaller --batch, or --microbatches 2 or "
            "more."
        )


def device_bytes() -> int:
    """Returns the memory in bytes of a device that programs may use, or 0 if unknown."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return memory_bytes()
    return (device.memory_stats() or {}).get("bytes_limit", 0)


def memory_bytes() -> int:
    """Returns the bytes of the machine's memory; 0 if the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0


def format_bytes(size: int) -> str:
    """Returns a number of bytes such as "173 MB" or "2.1 GB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
