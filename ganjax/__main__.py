"""`python -m ganjax` is the command `ganjax`."""

from ganjax.cli import main


if __name__ == "__main__":
    main()
