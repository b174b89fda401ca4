"""Text from models and servers made safe for a terminal. Pure.

In: any text. Out: the same with control characters shown as pictures, so that no answer can move the cursor, set the
window's title or hide what was written; and without the marks that reorder text behind the reader's back.
"""

from rich.cells import cell_len, set_cell_size

_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
_REORDERING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], "")
_SHOWN = {**_PICTURES, **dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}"), **_REORDERING, 0x7F: "␡"}


def visible(text: str) -> str:
    """Line ends become plain newlines; everything else of the C0 and C1 sets is shown instead of obeyed."""
    return text.replace("\r\n", "\n").translate(_SHOWN)


def one_line(text: str, width: int) -> str:
    """For titles and states: no newline, and at most `width` columns."""
    flat = " ".join(visible(text).split())
    return flat if cell_len(flat) <= width else set_cell_size(flat, max(0, width - 1)).rstrip() + "…"
