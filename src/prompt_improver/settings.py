"""Folders and settings. What is said on the command line wins, then the environment, then the settings file."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict, ValidationError

from prompt_improver.errors import EnvironmentFailure, InputError

__all__ = ["Settings", "cache_folder", "data_folder", "load_settings", "settings_file", "write_settings"]

_APP = "prompt-improver"


class Settings(BaseModel):
    """The settings file, `settings.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str | None = None


def _folder(kind: str) -> Path:
    home = os.environ.get("PROMPT_IMPROVER_HOME")
    if home:
        return Path(home).expanduser() / kind
    found: Path = getattr(platformdirs, f"user_{kind}_path")(_APP, appauthor=False)
    return found


def data_folder() -> Path:
    """Where the default database lies; `PROMPT_IMPROVER_HOME/data` if that variable is set."""
    return _folder("data")


def cache_folder() -> Path:
    """Where compiled domains are kept; can be deleted at any time."""
    return _folder("cache")


def settings_file() -> Path:
    """Where settings are kept."""
    return _folder("config") / "settings.toml"


def load_settings() -> Settings:
    """The settings file with the environment over it.

    Raises:
        InputError: the file is not TOML or has unknown keys.
    """
    path = settings_file()
    fields = {}
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        settings = Settings(**fields)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a TOML file: {error}. Mend or delete it.") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: '{key}': {first['msg'].lower()}. Mend or delete the file.") from None
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror or error}.") from None
    given = os.environ.get("PROMPT_IMPROVER_DATABASE_URL")
    return settings.model_copy(update={"database_url": given}) if given else settings


def write_settings(settings: Settings) -> bool:
    """Writes the settings file if there is none; gives whether it did.

    The file can hold a password and is readable by its owner only. It is put in place whole or not at all.

    Raises:
        EnvironmentFailure: the folder cannot be written.
    """
    path = settings_file()
    if path.exists():
        return False
    lines = ["# Settings of Prompt Improver. The variable PROMPT_IMPROVER_DATABASE_URL wins over this file."]
    if settings.database_url:
        lines.append(f"database_url = {json.dumps(settings.database_url)}")
    else:
        lines.append('# database_url = "postgresql://user:password@host:5432/name"')
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        partial.replace(path)
    except OSError as error:
        raise EnvironmentFailure(f"could not write the settings file {path}: {error.strerror or error}.") from None
    return True
