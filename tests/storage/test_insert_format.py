"""Statements for SQLite against one that inserts row by row."""

import json
import sqlite3
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from prompt_improver import generate
from prompt_improver.batch import ROW_SCHEMA
from prompt_improver.storage.insert_format import encode_inserts

MOMENT = datetime(2031, 12, 24, 23, 59, 59, 987654, tzinfo=UTC)
NAMES = ("run_id", *ROW_SCHEMA.names, "created_at")
OLD_LIMIT = 999


def inserted(connection: sqlite3.Connection, rows: pa.Table, run_id: str | None) -> list[tuple[object, ...]]:
    connection.execute(f"CREATE TABLE made (id INTEGER PRIMARY KEY AUTOINCREMENT, {', '.join(NAMES)})")
    for statement, values in encode_inserts(rows, table="made", run_id=run_id, moment=MOMENT):
        connection.executemany(statement, values)
    return connection.execute(f"SELECT {', '.join(NAMES)} FROM made ORDER BY id").fetchall()


@pytest.mark.parametrize("samples", [1, 2, 31, 32, 33, 1000])
@pytest.mark.parametrize("run_id", [None, "it's"])
@pytest.mark.parametrize("turned", [False, True])
def test_rows_go_in_as_they_are_and_in_their_order(samples, run_id, turned):
    rows = generate(samples).rows
    if turned:  # nothing but the run is the same in all rows
        mixed = pa.array([place % 2 == 0 for place in range(samples)])
        rows = rows.set_column(rows.column_names.index("is_active"), rows.field("is_active"), mixed).take(list(reversed(range(samples))))
    wanted = [(run_id, *({**row, "rules": json.dumps(row["rules"])}.values()), "2031-12-24 23:59:59.987654") for row in rows.to_pylist()]
    assert inserted(sqlite3.connect(":memory:"), rows, run_id) == wanted


def test_rows_that_share_nothing_stay_below_the_limit_of_older_versions():
    rows = generate(100).rows
    for name, values in {"data_source": ["synthetic", "real"], "training_priority": [10, 100], "is_active": [True, False]}.items():
        rows = rows.set_column(rows.column_names.index(name), rows.field(name), pa.array(values * 50))
    connection = sqlite3.connect(":memory:")
    connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, OLD_LIMIT)
    assert len(inserted(connection, rows, "r")) == 100
