"""Optional and slow packages, imported where they are used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from prompt_improver.errors import MissingExtra

__all__ = ["need"]


def need(module: str, extra: str) -> ModuleType:
    """A module of an extra.

    Raises:
        MissingExtra: it is not installed; the message holds the pip command.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"this needs the package '{error.name}'. Install it with: pip install 'prompt-improver[{extra}]'") from None
