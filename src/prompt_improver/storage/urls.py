"""Database addresses as people write them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from prompt_improver.errors import InputError

__all__ = ["database_url", "shown"]

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_ACCEPTED = "expected sqlite:///relative/file.db, sqlite:////absolute/file.db or postgresql://user:password@host:5432/name"


def database_url(text: str | None, data_folder: Path) -> URL:
    """The address with the driver that we use.

    Args:
        text: as given by a person; None or empty means `prompt_improver.db` in `data_folder`.
        data_folder: where the default database lies.

    Raises:
        InputError: not an address of SQLite or PostgreSQL. The message holds no password.
    """
    if not text:
        return URL.create("sqlite+aiosqlite", database=str(data_folder / "prompt_improver.db"))
    try:
        url = make_url(text)
        _ = url.port
    except (ArgumentError, ValueError):
        raise InputError(f"the database URL cannot be read; {_ACCEPTED}.") from None
    if url.drivername not in _DRIVERS:
        raise InputError(f"the database URL starts with '{url.drivername}'; {_ACCEPTED}.")
    url = url.set(drivername=_DRIVERS[url.drivername])
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise InputError(f"a SQLite database needs a file, so that rows are kept; {_ACCEPTED}.")
    if url.get_backend_name() == "postgresql" and not url.database:
        raise InputError(f"the PostgreSQL URL names no database; {_ACCEPTED}.")
    return url


def shown(url: URL) -> str:
    """The address for people: without driver and password."""
    plain = url.set(drivername=url.get_backend_name())
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return plain.set(query={}).render_as_string(hide_password=True)
