"""A conversation's first title, from its first question. Pure."""

MAX_TITLE_LENGTH = 60


def title_from(question: str) -> str:
    """The first line that says something, at most 60 characters, cut at a word."""
    line = next((line.strip() for line in question.splitlines() if line.strip()), "New conversation")
    if len(line) <= MAX_TITLE_LENGTH:
        return line
    cut = line[: MAX_TITLE_LENGTH - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[20:] else cut).rstrip() + "…"
