"""What a person can mend, told apart from what is our own fault."""


class Mistake(Exception):
    """Bad input. Its text is one sentence that says what is wrong and what to do.

    The command line prints that sentence alone and exits with status 2.
    """


class NoSplit(Mistake):
    """The data is fine, but has no split of the name that was asked for."""
