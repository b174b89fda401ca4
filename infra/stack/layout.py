"""Where a stack keeps its things: one folder with a folder for each server."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from infra.stack.errors import StackError
from infra.stack.options import StackOptions

DATA = "data"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths inside one stack's folder."""

    folder: Path

    @property
    def options_file(self) -> Path:
        """The options that its data was made with."""
        return self.folder / "stack.json"

    @property
    def lock_file(self) -> Path:
        """Held while a command changes the stack."""
        return self.folder / "lock"

    @property
    def secrets(self) -> Path:
        """Passwords, keys and certificates; mode 0700."""
        return self.folder / "secrets"

    def server(self, name: str) -> Path:
        """Configuration, log, pid file and data of one server."""
        return self.folder / name

    def data(self, name: str) -> Path:
        """What a server must not lose."""
        return self.server(name) / DATA

    def log(self, name: str) -> Path:
        """What a server printed."""
        return self.server(name) / "server.log"

    def pid_file(self, name: str) -> Path:
        """Which process the server is."""
        return self.server(name) / "pid.json"


def remembered(folder: Path) -> StackOptions | None:
    """What was brought up here before. Raises StackError when that can't be read."""
    file = Layout(folder).options_file
    try:
        return StackOptions.from_json(folder, json.loads(file.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise StackError(
            f"{file} is not of this version of Samvad; choose another folder, or remove {folder}"
        ) from error


def remember(options: StackOptions) -> None:
    """Written whole or not at all."""
    file = Layout(options.folder).options_file
    new = file.with_suffix(".new")
    new.write_text(json.dumps(options.as_json(), indent=2))
    os.replace(new, file)


def write_private(file: Path, text: str) -> None:
    """A file that only this user can read, from its first byte on."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as writing:
        writing.write(text)
