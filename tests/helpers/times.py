"""A pytest plugin that watches what each test costs in processor time.

Wall time says little on a shared machine: processor time does not grow when others are
busy. Every run ends with its ten costliest tests. `--times` lists, instead, every test
above `BUDGET` seconds that is not marked `slow`: those are to be made cheaper or marked.
"""

import os

import pytest


BUDGET = 5.0  # seconds of processor time that a test may take without the mark `slow`
SHOWN = 10
SECONDS = "processor_seconds"
MARKED = "marked_slow"


def processor_seconds() -> float:
    """Processor time of this process and of the processes that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def pytest_addoption(parser):
    parser.addoption(
        "--times",
        action="store_true",
        help=f"list tests above {BUDGET:.0f} s of processor time that are not marked slow",
    )


class Times:
    """Collects the processor time of each test, from all workers, and prints it."""

    def __init__(self, listed: bool):
        self.listed = listed
        self.found: dict[str, tuple[float, bool]] = {}
        self.began: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item):
        self.began[item.nodeid] = processor_seconds()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item):
        try:
            return (yield)
        finally:
            # The report of this phase is made next, and a worker sends it with these.
            spent = processor_seconds() - self.began.pop(item.nodeid)
            slow = item.get_closest_marker("slow") is not None
            item.user_properties += [(SECONDS, spent), (MARKED, slow)]

    def pytest_runtest_logreport(self, report):
        properties = dict(report.user_properties)
        if report.when == "teardown" and SECONDS in properties:
            self.found[report.nodeid] = properties[SECONDS], properties[MARKED]

    def pytest_terminal_summary(self, terminalreporter):
        ranked = sorted(self.found.items(), key=lambda each: -each[1][0])
        if self.listed:
            title = f"above {BUDGET:.0f} s of processor time and not marked slow"
            shown = [x for x in ranked if x[1][0] > BUDGET and not x[1][1]]
        else:
            title, shown = f"{SHOWN} costliest tests, processor time", ranked[:SHOWN]
        terminalreporter.section(title)
        for nodeid, (seconds, _) in shown:
            terminalreporter.line(f"{seconds:6.1f} s  {nodeid}")
        total = sum(seconds for seconds, _ in self.found.values())
        terminalreporter.line(f"{total:6.0f} s  {len(self.found)} tests in all")


def pytest_configure(config):
    config.pluginmanager.register(Times(config.getoption("times")), "times")
