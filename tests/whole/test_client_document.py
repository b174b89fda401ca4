"""The program in docs/python-client.md, run as it stands against a live edge."""

import os
import re
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "python-client.md"


def test_the_documents_program_asks_stops_and_finds_what_was_shown_in_history(edge: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)[0])
    run = subprocess.run(
        [sys.executable, program],
        env={**os.environ, "EDGE": edge},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert run.returncode == 0, run.stderr
    said = run.stdout.splitlines()
    assert "(completed, fast)" in said
    assert re.search(r"The second answer ended as (stopped|completed)\.", run.stdout)
    assert [line.split(":")[0] for line in said[-4:]] == ["user", "assistant"] * 2
    assert "user: 'Why is the sky blue?'" in said
