"""Rooms stand in the order of the data: a room imports only rooms before it."""

import ast
import importlib
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "prompt_improver"
ROOMS = (
    "errors",
    "settings",
    "batch",
    "features",
    "domains",
    "recipe",
    "guarantees",
    "generation",
    "execution",
    "validation",
    "storage",
    "optimization",
    "installation",
    "cli",
)
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in names if name.startswith("prompt_improver.")}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_rooms_before_its_own(path):
    place = ROOMS.index(room_of(path))
    assert all(ROOMS.index(room) <= place for room in imported_rooms(path))


def test_every_room_is_in_the_order():
    rooms = {path.name.removesuffix(".py") for path in SOURCE.iterdir() if (path / "__init__.py").is_file() or path.suffix == ".py"}
    assert rooms - {"__init__", "__main__"} == set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_exported_names_exist(path):
    name = ".".join(("prompt_improver", *path.relative_to(SOURCE).with_suffix("").parts))
    module = importlib.import_module(name)
    assert all(hasattr(module, exported) for exported in module.__all__)


def test_a_class_name_exists_once():
    names = [node.name for path in MODULES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef)]
    assert len(names) == len(set(names))
