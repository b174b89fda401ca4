"""The tools that the native stack is built and run with: Java, Maven, Go. Found, or named with what to install."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from infra.stack.errors import ToolMissing
from infra.stack.versions import OLDEST_JAVA

_INSTALL = {
    "java": f"Kafka and Cassandra need Java {OLDEST_JAVA} or newer (Debian: apt install openjdk-17-jdk-headless)",
    "mvn": "Kafka and Cassandra are fetched by Maven (Debian: apt install maven)",
    "go": "Jaeger is built by Go 1.24 or newer (go.dev/doc/install), or leave it out: samvad stack up --no-jaeger",
}


def java() -> str:
    """The path of a Java that is new enough. Raises ToolMissing."""
    path = find("java")
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False)
    version = java_version(said.stderr + said.stdout)
    if version is None or version < OLDEST_JAVA:
        raise ToolMissing(f"{path} is Java {version or 'of an unknown version'}. {_INSTALL['java']}.")
    return path


def keytool() -> str:
    """Java's tool for certificates, from the same installation. Raises ToolMissing."""
    path = Path(java()).resolve().parent / "keytool"
    if not path.exists():
        raise ToolMissing(f"{path} was not found. {_INSTALL['java']}.")
    return str(path)


def java_version(said: str) -> int | None:
    """17 of `openjdk version "17.0.15"`, 8 of `java version "1.8.0_402"`."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found.group(1)) if found else None


def find(tool: str) -> str:
    """The path of `java`, `mvn` or `go`. Raises ToolMissing."""
    path = path_of(tool)
    if path is None:
        raise ToolMissing(f"{tool} was not found. {_INSTALL[tool]}.")
    return path


def path_of(tool: str) -> str | None:
    """JAVA_HOME's, else the first on the PATH."""
    home = os.environ.get("JAVA_HOME")
    beside = Path(home, "bin", tool) if home else None
    return str(beside) if beside and beside.exists() else shutil.which(tool)
