"""Ten thousand sockets are ten thousand open files: a process may raise its own limit up to the hard one."""

import resource

SPARE = 500
"""For everything that is not a socket."""


class TooFewOpenFiles(RuntimeError):
    """The machine's hard limit is lower; the text says what to do."""


def allow_sockets(count: int) -> None:
    """Raises this process's soft limit, and so that of all it starts. Raises TooFewOpenFiles."""
    needed = count + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooFewOpenFiles(f"{count} sockets need {needed} open files, and {hard} are allowed: see `ulimit -Hn`")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
