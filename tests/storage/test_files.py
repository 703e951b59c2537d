"""Bytes of files: what Python's own writers give, however the rows come in."""

import csv
import hashlib
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from prompt_improver import generate
from prompt_improver.batch import Batch
from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.execution.local import open_run, stream_batches
from prompt_improver.installation.bootstrap import bootstrap_file
from prompt_improver.recipe.recipe import make_recipe
from prompt_improver.storage.csv_lines import FORMULA
from prompt_improver.storage.files import RowFile, read_file
from tests.storage.tables import ORIGIN, batch_of, tables

SEVERAL = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def plain_rows(table: pa.Table) -> list[dict[str, object]]:
    return [{"id": row["row_index"] + 1, "run_id": ORIGIN.run_id, **row, "created_at": None} for row in table.to_pylist()]


def plain_json_lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows).encode()


def plain_csv(names: list[str], rows: list[dict[str, object]]) -> bytes:
    def cell(value: object) -> object:
        if isinstance(value, list):
            value = json.dumps(value, ensure_ascii=False)
        if isinstance(value, str) and value.startswith(FORMULA):
            return f"'{value}"
        return repr(value) if isinstance(value, float) else value

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([cell(row[name]) for name in names] for row in rows)
    return text.getvalue().encode()


def written(path, table: pa.Table) -> bytes:
    with RowFile(path, ORIGIN) as file:
        file.write(batch_of(table))
    return path.read_bytes()


@SEVERAL
@given(table=tables())
def test_json_lines_are_what_python_writes(tmp_path, table):
    assert written(tmp_path / "rows.jsonl", table) == plain_json_lines(plain_rows(table))


@SEVERAL
@given(table=tables())
def test_csv_is_what_python_writes(tmp_path, table):
    rows = plain_rows(table)
    names = ["id", "run_id", *table.column_names, "created_at"]
    assert written(tmp_path / "rows.csv", table) == plain_csv(names, rows)


@SEVERAL
@given(table=tables())
def test_parquet_gives_back_every_bit(tmp_path, table):
    written(tmp_path / "rows.parquet", table)
    found = pa.concat_tables([table.schema.empty_table(), *(batch.rows for batch in read_file(tmp_path / "rows.parquet"))])
    assert [repr(row) for row in found.to_pylist()] == [repr(row) for row in table.to_pylist()]


@pytest.mark.parametrize("samples", [1, 9000])
def test_json_lines_of_a_run_are_what_python_writes(tmp_path, samples):
    rows = generate(samples).rows
    assert written(tmp_path / "rows.jsonl", rows) == plain_json_lines(plain_rows(rows))


@pytest.mark.parametrize("suffix, plain", [("jsonl", plain_json_lines), ("csv", None)])
def test_truth_is_what_python_writes(tmp_path, suffix, plain):
    run = open_run(make_recipe({"samples": 300, "slip_rate": 0.5}))
    batch = next(stream_batches(run))
    path = tmp_path / f"truth.{suffix}"
    with RowFile(path, run.origin, truth=True) as file:
        file.write(batch)
    rows = batch.truth.to_pylist()
    assert path.read_bytes() == (plain(rows) if plain else plain_csv(batch.truth.column_names, rows))


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_bytes_do_not_depend_on_threads_or_batches(tmp_path, suffix):
    recipe = make_recipe({"samples": 20_000})
    digests = set()
    for workers in (1, 2, 5):
        bootstrap_file(recipe, tmp_path / f"rows.{suffix}", workers=workers)
        digests.add(hashlib.sha256((tmp_path / f"rows.{suffix}").read_bytes()).hexdigest())
    whole = generate(20_000)
    for size in (777, 20_000):
        with RowFile(tmp_path / f"rows.{suffix}", whole.origin) as file:
            for start in range(0, 20_000, size):
                file.write(Batch(whole.origin, whole.rows.slice(start, size)))
        digests.add(hashlib.sha256((tmp_path / f"rows.{suffix}").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_lines_that_cannot_be_written_leave_no_thread_and_no_file(tmp_path):
    before = threading.active_count()
    odd = generate(20_000)
    place = odd.rows.column_names.index("clarity")
    numbers = odd.rows["clarity"].to_pylist()
    rows = odd.rows.set_column(place, odd.rows.field(place), pa.array([*numbers[:-1], float("nan")], from_pandas=False))
    with pytest.raises(ValueError, match="nan"), RowFile(tmp_path / "rows.jsonl", ORIGIN) as file:
        file.write(batch_of(rows))
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []


def test_a_row_group_is_two_blocks(tmp_path):
    bootstrap_file(make_recipe({"samples": 20_000}), tmp_path / "rows.parquet")
    facts = pq.ParquetFile(tmp_path / "rows.parquet").metadata
    assert [facts.row_group(place).num_rows for place in range(facts.num_row_groups)] == [8192, 8192, 3616]


@pytest.mark.parametrize("failure", [KeyError, KeyboardInterrupt])
@pytest.mark.parametrize("workers, suffix", [(1, "parquet"), (3, "parquet"), (3, "jsonl"), (1, "csv")])
def test_an_error_leaves_no_thread_and_no_file(tmp_path, workers, suffix, failure):
    before = threading.active_count()
    truth = tmp_path / "truth.jsonl"

    def stop(_phase: str, done: int, _whole: int) -> None:
        if done > 8000:
            raise failure

    with pytest.raises(failure):
        bootstrap_file(make_recipe({"samples": 100_000}), tmp_path / f"rows.{suffix}", workers=workers, truth=truth, progress=stop)
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("field", "value"), [("complexity", 10**30), ("clarity", "\\ud800x"), ("prompt_text", "\\ud800x")])
def test_values_that_no_column_holds_are_refused(tmp_path, field, value):
    bootstrap_file(make_recipe({"samples": 3}), tmp_path / "rows.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    rows[1][field] = value
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row).replace("\\\\", "\\") + "\n" for row in rows))
    with pytest.raises(InputError, match="up to line 3"):
        list(read_file(tmp_path / "rows.jsonl"))


def test_a_number_of_5000_digits_is_refused(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"id": ' + "1" * 5000 + "}\n")
    with pytest.raises(InputError, match="line 1 is not JSON"):
        list(read_file(tmp_path / "rows.jsonl"))


def test_a_parquet_file_with_a_null_is_refused(tmp_path):
    rows = generate(5).rows
    holed = rows.set_column(2, pa.field("pattern", pa.string()), [pa.array([None, "a", "b", "c", "d"])])
    pq.write_table(holed, tmp_path / "rows.parquet")
    with pytest.raises(InputError, match="not a file of training rows"):
        list(read_file(tmp_path / "rows.parquet"))


def test_a_file_that_cannot_be_begun_leaves_no_lock(tmp_path):
    origin = generate(3).origin
    (tmp_path / ".rows.jsonl.partial").mkdir()
    with pytest.raises(EnvironmentFailure), RowFile(tmp_path / "rows.jsonl", origin):
        pass
    (tmp_path / ".rows.jsonl.partial").rmdir()

    def again() -> bool:
        with RowFile(tmp_path / "rows.jsonl", origin):
            return True

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(again).result(timeout=10)
