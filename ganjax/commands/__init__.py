"""The commands of `ganjax`, one in each file; `ganjax.cli` finds them there.

`ganjax NAME` is the file `NAME.py`, which nothing else needs to name. A file whose name
begins with "_" is not a command. As the file of an experiment does, a command has

- `Args`: a frozen dataclass, whose fields are the flags. The first line of its docstring is
  the command's line in `ganjax --help`, and the docstring of each field is its help;
- `main(args: Args) -> None`, which prints what it wrote and where, and raises a
  `UsageError` with one sentence for whatever a person can fix.

What two commands need is in a room below, such as `Save`, the flags that choose the weights
of a run, in `ganjax.run.args`.
"""

# The order in which `--help` lists them, which is that in which a person first needs them.
# What is not named here follows by its name.
ORDER = (
    "new",
    "prepare",
    "report",
    "sample",
    "synthesize",
    "evaluate",
    "compare",
    "translate",
    "complete",
    "vocode",
    "check",
)
