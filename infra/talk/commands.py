"""What a person types: a question, or a command that begins with a slash. Pure.

In: the text of one entry. Out: a `Question` or a `Command`.
"""

from dataclasses import dataclass

HELP = {
    "list": ("", "your earlier conversations, numbered"),
    "open": ("N", "go on with conversation N of the list"),
    "new": ("", "begin a new conversation"),
    "again": ("", "have your last question answered again"),
    "model": ("[NAME]", "choose the model, or see which there are"),
    "rename": ("TITLE", "give this conversation a title"),
    "delete": ("", "delete this conversation for good"),
    "help": ("", "these commands"),
    "quit": ("", "leave; Ctrl-D does too"),
}

KEYS = "Enter sends, Alt-Enter begins a new line. Ctrl-C stops an answer, a second one leaves."


@dataclass(frozen=True, slots=True)
class Question:
    """For the model."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """For this program. `argument` may be empty."""

    name: str
    argument: str


def parse(entry: str) -> Question | Command | None:
    """None if there is nothing to do. A question may begin with a slash if a space comes first."""
    if not entry.strip():
        return None
    if not entry.startswith("/"):
        return Question(entry.strip())
    name, _, argument = entry[1:].strip().partition(" ")
    return Command(name.lower(), argument.strip())


def help_lines() -> list[str]:
    """The commands, one a line."""
    shown = {name: f"/{name} {argument}".strip() for name, (argument, _) in HELP.items()}
    width = max(map(len, shown.values()))
    return [f"{shown[name]:<{width}}  {text}" for name, (_, text) in HELP.items()]
