"""Markdown as lines of coloured text, in colours that are readable on light and on dark terminals.

In: a piece of markdown and a width in columns. Out: finished lines, with escape codes where the console has colours.
No background is ever set, and of the sixteen colours only those that both kinds of terminals show well.
"""

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import CodeBlock, Heading, ListItem, Markdown, MarkdownElement
from rich.segment import Segment, Segments
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.text import Text
from rich.theme import Theme

from infra.talk.blocks import PARSER
from infra.talk.unfolding import Piece

THEME = Theme(
    {
        "markdown.code": "bold",
        "markdown.code_block": "none",
        "markdown.block_quote": "italic",
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.h3": "bold italic",
        "markdown.h4": "italic",
        "markdown.item.bullet": "none",
        "markdown.item.number": "none",
        "markdown.list": "none",
        "markdown.link": "underline",
        "markdown.link_url": "dim",
        "markdown.hr": "dim",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
        "note": "dim",
        "fault": "red",
        "question": "bold",
    }
)

# By pygments' token types, which are tuples of their names.
_CODE_THEME = ANSISyntaxTheme(
    {
        ("Comment",): Style(dim=True, italic=True),
        ("Keyword",): Style(color="magenta"),
        ("Operator", "Word"): Style(color="magenta"),
        ("Literal", "String"): Style(color="green"),
        ("Literal", "Number"): Style(color="blue"),
        ("Name", "Function"): Style(color="blue"),
        ("Name", "Class"): Style(color="blue"),
        ("Name", "Builtin"): Style(color="cyan"),
    }
)


class _Code(CodeBlock):
    """Highlighted without a background, indented so that it stands apart without one."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip()
        yield Syntax(code, self.lexer_name, theme=_CODE_THEME, word_wrap=True, padding=(0, 2))


class _LeftHeading(Heading):
    LEVEL_ALIGN: ClassVar = dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "left")


class _NumberedItem(ListItem):
    """With the dot that people write after a list's number."""

    def render_number(self, console: Console, options: ConsoleOptions, number: int, last_number: int) -> RenderResult:
        numeral = f" {number}. "
        lines = console.render_lines(self.elements, options.update(width=options.max_width - len(numeral)))
        for index, line in enumerate(lines):
            yield Segment(" " * len(numeral) if index else numeral)
            yield from line
            yield Segment.line()


class _Markdown(Markdown):
    """Rich's markdown with our parser, and line breaks where the model put them."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
        "heading_open": _LeftHeading,
        "list_item_open": _NumberedItem,
    }

    def __init__(self, piece: Piece) -> None:
        super().__init__("", hyperlinks=False)
        self.parsed = PARSER.parse(piece.source)
        self._number(piece.number)
        for token in self.parsed:
            for child in token.children or ():
                child.type = "hardbreak" if child.type == "softbreak" else child.type

    def _number(self, number: int | None) -> None:
        """An item that is drawn alone still has its place in its list."""
        if number is not None and self.parsed and self.parsed[0].type == "ordered_list_open":
            self.parsed[0].attrs["start"] = number


def markdown_lines(console: Console, piece: Piece, width: int) -> list[str]:
    """The lines of a piece, with its gap."""
    lines = lines_of(console, _Markdown(piece), width)
    while lines and not lines[0].strip():
        lines.pop(0)
    return ["", *lines] if piece.has_gap else lines


def note_lines(console: Console, text: str, width: int, style: str = "note") -> list[str]:
    """Something that is said about an answer and is no part of it."""
    return lines_of(console, Text(text, style=style), width)


def lines_of(console: Console, drawn: RenderableType, width: int) -> list[str]:
    """Anything that rich can draw, without spaces at the ends of lines."""
    rows = console.render_lines(drawn, console.options.update(width=width), pad=False)
    lines = [_encoded(console, _trimmed(row)) for row in rows]
    while lines and lines[-1] == "":
        lines.pop()
    return lines


def _trimmed(row: list[Segment]) -> list[Segment]:
    row = list(row)
    while row and not row[-1].text.rstrip():
        row.pop()
    if row:
        row[-1] = Segment(row[-1].text.rstrip(), row[-1].style)
    return row


def _encoded(console: Console, row: list[Segment]) -> str:
    with console.capture() as captured:
        console.print(Segments(row), end="", soft_wrap=True)
    return captured.get()
