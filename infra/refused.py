"""The root of what whoever started a command can mend: commands show its text and exit with 1, without a traceback."""


class Refused(Exception):
    """The text is one sentence: what is wrong, and what to do about it."""
