"""The commands of `ganjax`, one in each file; `ganjax.cli` finds them there.

`ganjax NAME` is the file `NAME.py`, which nothing else needs to name. As the file of an
experiment does, it has

- `Args`: a frozen dataclass, whose fields are the flags and whose docstring is what
  `ganjax --help` says of the command;
- `main(args: Args) -> None`, which does what was asked, and raises a `UsageError` with one
  sentence for whatever a person can mend.

What two commands need is in a room below, such as `Save`, the flags that choose the weights
of a run, in `ganjax.run.args`.
"""

# The order in which `--help` lists them; what is not named here follows by its name.
ORDER = ("sample", "translate", "complete", "evaluate", "check", "report", "prepare")
