"""The client library as a package: what it offers, that it is typed for others, how long it waits before it returns."""

import inspect
import re
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import samvad_client
from samvad_client.backoff import SETTLED_SECONDS, Backoff

ROOT = Path(__file__).parents[2]


def test_whoever_installs_it_gets_its_types() -> None:
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {"samvad_client/py.typed", "schemas/py.typed"} <= files


@pytest.mark.parametrize("name", samvad_client.__all__)
def test_everything_public_says_what_it_is(name: str) -> None:
    offered = getattr(samvad_client, name)
    assert inspect.getdoc(offered)
    if offered.__module__.startswith("samvad_client"):
        methods = [value for key, value in vars(offered).items() if inspect.isfunction(value) and key[0] != "_"]
        assert [method.__qualname__ for method in methods if not method.__doc__] == []


def test_the_document_names_everything_that_a_client_does() -> None:
    document = (ROOT / "docs" / "python-client.md").read_text()
    public = [name for name in vars(samvad_client.SamvadClient) if not name.startswith("_")]
    internal = {"opened", "heard", "lost", "stop_turn", "drop_connection"}
    assert {name for name in public if f"`{name}" not in document and f"await {name}(" not in document} == internal


def pauses(count: int, random: float) -> list[float]:
    backoff = Backoff(lambda: random)
    return [backoff.next_seconds() for _ in range(count)]


def test_a_pause_is_a_random_share_of_a_ceiling_that_doubles_up_to_five_seconds() -> None:
    assert pauses(8, random=1) == [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5]
    assert pauses(3, random=0.5) == [0.1, 0.2, 0.4]
    assert pauses(9, random=0) == [0] * 9, "full jitter: no pause has a floor"


def test_the_document_has_the_same_numbers() -> None:
    document = (ROOT / "docs" / "protocol.md").read_text()
    formula = re.search(r"^pause_seconds = random\(0, 1\) \* (.*?)  #", document, re.MULTILINE)
    assert formula is not None
    assert [eval(formula[1], {"failures": failures}) for failures in range(8)] == pauses(8, random=1)
    assert f"less than {SETTLED_SECONDS:.0f} seconds" in document


def test_only_a_session_that_lasted_sets_the_pause_back() -> None:
    backoff = Backoff(lambda: 1)
    assert (backoff.next_seconds(), backoff.next_seconds()) == (0.2, 0.4)
    backoff.worked(SETTLED_SECONDS / 2)
    assert backoff.next_seconds() == 0.8
    backoff.worked(SETTLED_SECONDS)
    assert backoff.next_seconds() == 0.2
