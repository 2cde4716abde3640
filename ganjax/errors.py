"""What a person can mend, told apart from what is our own fault."""


class Mistake(Exception):
    """Bad input. Its text is one sentence that says what is wrong and what to do.

    The command line prints that sentence alone and exits with status 2.
    """


class NoSplit(Mistake):
    """The data is fine, but has no split of the name that was asked for."""


class Interrupted(KeyboardInterrupt):
    """A run that a signal stopped has saved and can go on; the text says where.

    It is a KeyboardInterrupt, so that a script of several runs ends here and a notebook
    shows what it shows for Ctrl-C. The command line exits with 128 + `signal`, as a shell
    reports a process that a signal ended, so that a launcher can tell it from a run that
    is finished.
    """

    def __init__(self, sentence: str, signal: int) -> None:
        super().__init__(sentence)
        self.signal = signal
