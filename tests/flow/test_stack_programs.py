"""The servers' programs: made once, whole or not at all, with tools that are there or are named. Maven is pretended."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.stack import StackError, ToolMissing
from infra.stack.programs import programs
from infra.stack.tools import java
from infra.stack.versions import KAFKA

JAVA = """#!/bin/sh
echo 'openjdk version "17.0.1"' >&2
"""
MAVEN = """#!/bin/sh
echo called >> "$CALLS"
for word; do case $word in -DoutputDirectory=*) touch "${word#*=}/server.jar";; esac; done
"""
FAILING_MAVEN = """#!/bin/sh
for word; do case $word in -DoutputDirectory=*) touch "${word#*=}/half";; esac; done
echo '[INFO] scanning'; echo '[ERROR] could not resolve the server'; exit 1
"""


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tools that stand before, or with `only`, instead of the machine's."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    _tool(folder, "java", JAVA)
    return folder


def _tool(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_a_program_is_made_once_however_many_ask_for_it(tools: Path, tmp_path: Path) -> None:
    _tool(tools, "mvn", MAVEN)
    with ThreadPoolExecutor(4) as threads:
        built = list(threads.map(lambda _: programs(False, print), range(4)))
    assert len(set(built)) == 1
    assert (built[0].kafka / "server.jar").exists()
    assert (tmp_path / "calls").read_text().count("called") == 2  # Kafka and Cassandra, once each


def test_a_failed_build_leaves_nothing_and_says_its_first_error(tools: Path, tmp_path: Path) -> None:
    _tool(tools, "mvn", FAILING_MAVEN)
    with pytest.raises(StackError, match=r"mvn failed \(\[ERROR\] could not resolve the server\).*\.log"):
        programs(False, print)
    kept = {path.name for path in (tmp_path / "cache" / "samvad").iterdir()}
    assert kept == {f"kafka-{KAFKA}.lock", f"kafka-{KAFKA}.log"}
    _tool(tools, "mvn", MAVEN)
    assert (programs(False, print).kafka / "server.jar").exists()


def test_a_missing_tool_is_named_with_what_to_install(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(ToolMissing, match=r"mvn was not found.*apt install maven"):
        programs(False, print)
    (tools / "java").unlink()
    with pytest.raises(ToolMissing, match=r"java was not found.*Java 17 or newer"):
        programs(False, print)


def test_without_go_jaeger_can_be_left_out(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tools, "mvn", MAVEN)
    programs(False, print)
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(ToolMissing, match=r"go was not found.*--no-jaeger"):
        programs(True, print)


def test_an_old_java_is_refused(tools: Path) -> None:
    _tool(tools, "java", JAVA.replace("17.0.1", "11.0.2"))
    with pytest.raises(ToolMissing, match=r"is Java 11"):
        java()
