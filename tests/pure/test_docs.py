"""Documents name real things: every `path.py:Name.name` exists, and every `make` target that is mentioned."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`([\w/]+\.py):([\w.]+)`")
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def _names_in(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
            inner = node.body if isinstance(node, ast.ClassDef) else []
            names |= {f"{node.name}.{x.name}" for x in inner if isinstance(x, ast.FunctionDef | ast.AsyncFunctionDef)}
    return names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_function_and_class_that_a_document_names_exists(document: Path) -> None:
    missing = [
        f"{file}:{name}"
        for file, name in NAMED.findall(document.read_text())
        if not (ROOT / file).is_file() or name not in _names_in(ROOT / file)
    ]
    assert missing == []


def test_the_life_of_a_message_follows_all_nine_steps() -> None:
    text = (ROOT / "docs" / "life-of-a-message.md").read_text()
    assert re.findall(r"^## (\d)\.", text, re.MULTILINE) == list("123456789")
    assert len(NAMED.findall(text)) > 40


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake (chat|test|check|bench|help|[a-z]+)\b(?=`|\s+#)", document.read_text())) <= targets


def test_files_and_functions_stay_short_enough_to_be_read() -> None:
    lengths: list[int] = []
    for file in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        text = file.read_text()
        assert text.count("\n") <= 300, file
        functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        lengths.extend((node.end_lineno or 0) - node.lineno + 1 for node in functions)
    assert sorted(lengths)[len(lengths) // 2] <= 10
    assert max(lengths) < 40


PACKAGES = (
    "schemas",
    "observability",
    "producers",
    "store",
    "consumers",
    "ws_edge",
    "infra",
    "samvad_client",
    "benchmarks",
)
