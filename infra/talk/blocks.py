"""Where markdown that is still growing may be cut: blocks that no further text can change. Pure.

In: markdown from the beginning of a block on. Out: its finished blocks, and where the open one begins.

The rule is CommonMark's: a complete line that begins a new block closes the one before it for good. So of the complete
lines all blocks but the last are finished; of a list all items but the last. An empty line finishes the last one too,
unless it is of a kind that goes on after empty lines. The line still being written never counts, as `-` may yet become
a list, a heading's underline or a rule.
"""

from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

# HTML is shown as it is written. Link definitions too: the blocks that would need them are printed long before.
PARSER = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).disable("reference")


_ENDS_AT_EMPTY_LINE = frozenset({"paragraph_open", "table_open", "blockquote_open"})
_ENDS_WITH_ITS_LINE = frozenset({"heading_open", "hr"})


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block, or one item of a top-level list. `first_line` counts from 0, `end_line` is the line after it.

    `list_mark` is `-`, `*`, `+`, `.` or `)` for items, else None; `number` is an ordered list's own first number.
    """

    first_line: int
    end_line: int
    kind: str
    list_mark: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """`sources[i]` is the text of `blocks[i]`. The first `finished` of them will not change any more."""

    blocks: list[Block]
    sources: list[str]
    finished: int


def cut(markdown: str, *, ended: bool) -> Cut:
    """Cuts text into its blocks. Text before the first block goes to it, and the unfinished line to the last."""
    stable = markdown if ended else markdown[: markdown.rfind("\n") + 1]
    blocks = _blocks_of(PARSER.parse(stable))
    if not blocks:
        return Cut([], [], 0)
    lines = stable.split("\n")
    starts = _offsets(lines, blocks)
    last_is_open = not (ended or _is_closed(blocks[-1], lines))
    ends = [*starts[1:], len(markdown if last_is_open or ended else stable)]
    sources = [markdown[start:end] for start, end in zip(starts, ends, strict=True)]
    return Cut(blocks, sources, len(blocks) - last_is_open)


def _is_closed(block: Block, lines: list[str]) -> bool:
    if block.kind in _ENDS_WITH_ITS_LINE:
        return True
    # The last of `lines` is what follows the last newline, and no line yet.
    return block.kind in _ENDS_AT_EMPTY_LINE and any(not line.strip(" \t") for line in lines[block.end_line - 1 : -1])


def _blocks_of(tokens: list[Token]) -> list[Block]:
    blocks: list[Block] = []
    for index, token in enumerate(tokens):
        if token.level == 0 and token.map is not None and token.nesting >= 0:
            blocks += (
                _items_of(tokens, index)
                if token.type.endswith("_list_open")
                else [Block(token.map[0], token.map[1], token.type)]
            )
    return blocks


def _items_of(tokens: list[Token], index: int) -> list[Block]:
    """The items of the list that opens at `index`."""
    opening = tokens[index]
    number = int(opening.attrs.get("start", 1)) if opening.type == "ordered_list_open" else None
    items: list[Block] = []
    for token in tokens[index + 1 :]:
        if token.level == 0:
            break
        if token.level == 1 and token.type == "list_item_open" and token.map is not None:
            items.append(Block(token.map[0], token.map[1], token.type, token.markup, number))
    return items


def _offsets(lines: list[str], blocks: list[Block]) -> list[int]:
    """Where each block begins, in characters; the first takes what is before it."""
    offset_of_line = [0]
    for line in lines:
        offset_of_line.append(offset_of_line[-1] + len(line) + 1)
    return [0, *(offset_of_line[block.first_line] for block in blocks[1:])]
