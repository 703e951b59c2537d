"""What a reader sees from outside, with the plain drivers."""

import asyncio
import hashlib
import sqlite3
from pathlib import Path
from typing import Any

COLUMNS = """run_id, row_index, domain, pattern, prompt_text, enhanced_prompt, clarity, length, specificity, complexity,
    context_richness, actionability, effectiveness_score, tier, data_source, training_priority"""
ROWS = f"SELECT {COLUMNS} FROM training_prompts ORDER BY row_index, run_id"
RUNS = "SELECT id, status FROM generation_runs"


def look(database: str) -> tuple[list[Any], list[Any]]:
    """Runs and rows; none where there are no tables yet."""
    if database.startswith("sqlite"):
        return _look_sqlite(Path(database.removeprefix("sqlite:///")))
    return asyncio.run(_look_postgres(database))


def _look_sqlite(path: Path) -> tuple[list[Any], list[Any]]:
    if not path.exists():
        return [], []
    with sqlite3.connect(path, timeout=30) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'training_prompts'").fetchone():
            return [], []
        found = connection.execute(RUNS).fetchall(), connection.execute(ROWS).fetchall()
    connection.close()
    return found


async def _look_postgres(url: str) -> tuple[list[Any], list[Any]]:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass('training_prompts')") is None:
            return [], []
        return [tuple(r) for r in await connection.fetch(RUNS)], [tuple(r) for r in await connection.fetch(ROWS)]
    finally:
        await connection.close()


def digest(rows: list[Any]) -> str:
    """One word for all rows."""
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def whole_or_nothing(database: str, samples: int) -> str:
    """ "nothing" or "whole"; anything between fails."""
    runs, rows = look(database)
    if not runs and not rows:
        return "nothing"
    assert [status for _, status in runs] == ["complete"]
    assert len(rows) == samples
    return "whole"
