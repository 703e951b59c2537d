"""One contract for every engine: a folder of part files has the same bytes, goes on where it was stopped, and tells its errors."""

import hashlib
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prompt_improver import generate
from prompt_improver.errors import EnvironmentFailure, InputError, MissingExtra
from prompt_improver.execution import local
from prompt_improver.execution.local import open_run
from prompt_improver.generation.plan import RunPlan
from prompt_improver.installation import parts as parts_module
from prompt_improver.installation.bootstrap import bootstrap_file
from prompt_improver.installation.parts import bootstrap_folder
from prompt_improver.installation.stored import look_at_file
from prompt_improver.optimization.sources import read_rows
from prompt_improver.recipe.recipe import make_recipe
from prompt_improver.storage.parts import open_parts, read_parts, read_stored
from prompt_improver.validation import quick

SAMPLES = 3 * 4096 + 700
RECIPE = make_recipe({"samples": SAMPLES})


@pytest.fixture(params=[("local", 1), ("local", 2), ("local", 7), ("ray", 2)], ids=str)
def engine(request):
    if request.param[0] == "ray":
        request.getfixturevalue("cluster")
    return dict(zip(("engine", "workers"), request.param, strict=True))


@pytest.fixture(scope="module")
def undisturbed(compiled, tmp_path_factory):
    """A folder made by one thread without a stop."""
    folder = tmp_path_factory.mktemp("undisturbed") / "rows"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMPT_IMPROVER_HOME", str(compiled.parent))
        bootstrap_folder(RECIPE, f"{folder}/", part_blocks=1)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_every_engine_writes_the_same_bytes(engine, undisturbed, tmp_path):
    told = []
    outcome = bootstrap_folder(RECIPE, f"{tmp_path}/rows/", part_blocks=1, progress=lambda *rows: told.append(rows), **engine)
    assert digests(tmp_path / "rows") == digests(undisturbed)
    assert (outcome.rows, outcome.parts, outcome.kept, outcome.written, outcome.ready) == (SAMPLES, 4, 0, True, True)
    assert outcome.bytes == sum(path.stat().st_size for path in undisturbed.glob("part-*"))
    assert {phase for phase, _, _ in told} == {"make_and_write", "check"}
    for phase in ("make_and_write", "check"):
        rows = [done for which, done, total in told if which == phase and total == SAMPLES]
        assert (rows[0] <= 4096, sorted(rows), rows[-1]) == (True, rows, SAMPLES)
    again = bootstrap_folder(RECIPE, f"{tmp_path}/rows/", part_blocks=1, **engine)
    assert (again.written, again.kept, again.report) == (False, 4, json.loads(json.dumps(outcome.report)))


def test_every_engine_goes_on_where_a_run_was_stopped(engine, undisturbed, tmp_path):
    folder = tmp_path / "rows"
    shutil.copytree(undisturbed, folder)
    (folder / "part-00001.parquet").unlink()
    (folder / "part-00002.parquet").write_bytes(b"PAR1")
    (folder / ".part-00001.parquet.01234567.partial").write_bytes(b"PAR1")
    first = (folder / "part-00000.parquet").stat().st_mtime_ns
    outcome = bootstrap_folder(RECIPE, f"{folder}/", part_blocks=1, **engine)
    assert (outcome.parts, outcome.kept, outcome.written) == (4, 2, True)
    assert (folder / "part-00000.parquet").stat().st_mtime_ns == first
    assert digests(folder) == digests(undisturbed)


def test_every_engine_tells_what_its_workers_met(engine, undisturbed, tmp_path):
    folder = tmp_path / "rows"
    blocked = tmp_path / "rows" / "part-00002.parquet"
    blocked.mkdir(parents=True)  # cannot be replaced by a file, not even by root
    with pytest.raises(EnvironmentFailure, match=r"could not write .*part-00002.parquet: .*finished parts are kept"):
        bootstrap_folder(RECIPE, f"{folder}/", part_blocks=1, **engine)
    kept = json.loads((folder / "manifest.json").read_text())
    assert (kept["status"], {part["name"] for part in kept["parts"]} & {blocked.name}) == ("running", set())
    assert not list(folder.glob(".*.partial"))
    blocked.rmdir()
    assert bootstrap_folder(RECIPE, f"{folder}/", part_blocks=1, **engine).kept == len(kept["parts"])
    assert digests(folder) == digests(undisturbed)


def test_every_engine_writes_truth_parts_and_goes_on_with_them(engine, undisturbed, tmp_path):
    folder = tmp_path / "rows"
    outcome = bootstrap_folder(RECIPE, f"{folder}/", part_blocks=1, truth=True, **engine)
    whole = digests(folder)
    assert sorted(set(whole) - set(digests(undisturbed))) == [f"truth-{number:05d}.parquet" for number in range(4)]
    assert {name: whole[name] for name in whole if name.startswith("part-")}.items() <= digests(undisturbed).items()
    assert outcome.bytes == sum(path.stat().st_size for path in folder.glob("*.parquet"))
    assert json.loads(json.dumps(outcome.report)) == json.loads((undisturbed / "manifest.json").read_text())["report"]
    (folder / "truth-00001.parquet").unlink()
    (folder / "truth-00002.parquet").write_bytes(b"PAR1")
    assert bootstrap_folder(RECIPE, f"{folder}/", part_blocks=1, truth=True, **engine).kept == 2
    assert digests(folder) == whole


def test_truth_parts_hold_the_truth_of_a_file(tmp_path):
    bootstrap_folder(RECIPE, f"{tmp_path}/rows/", part_blocks=2, truth=True)
    bootstrap_file(RECIPE, tmp_path / "rows.parquet", truth=tmp_path / "truth.parquet")
    place, manifest = open_parts(f"{tmp_path}/rows/")
    batches = list(read_parts(place, manifest, truth=True))
    assert pa.concat_tables([batch.truth for batch in batches]).equals(pq.read_table(tmp_path / "truth.parquet"))
    assert pa.concat_tables([batch.rows for batch in batches]).equals(generate(SAMPLES).rows)
    assert {batch.truth for batch in read_parts(place, manifest)} == {None}


def test_the_ceiling_comes_from_the_truth_parts(undisturbed, tmp_path, monkeypatch):
    """Where they are, no block is made for the report; where they are not, their blocks are."""
    made = []
    plain = local.make_blocks

    def counted(plan: RunPlan, blocks: range, *arguments, **keywords):
        made.extend(blocks)
        return plain(plan, blocks, *arguments, **keywords)

    monkeypatch.setattr(local, "make_blocks", counted)
    for truth, wanted in ((True, [0, 1, 2, 3]), (False, [0, 1, 2, 3, 0, 1, 2, 3])):
        report = bootstrap_folder(RECIPE, f"{tmp_path}/{truth}/", part_blocks=2, truth=truth).report
        assert (made, report["bayes_auc"]) == (wanted, json.loads((undisturbed / "manifest.json").read_text())["report"]["bayes_auc"])
        made.clear()


def test_a_run_with_truth_is_another_run_than_one_without(undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path / "rows")
    with pytest.raises(InputError, match=r"truth no \(asked: yes\)"):
        bootstrap_folder(RECIPE, f"{tmp_path}/rows/", part_blocks=1, truth=True)
    with pytest.raises(InputError, match="holds no truth"):
        list(read_parts(*open_parts(f"{tmp_path}/rows/"), truth=True))
    bootstrap_folder(RECIPE, f"{tmp_path}/rows/", part_blocks=1, truth=True, replace=True)
    assert len(digests(tmp_path / "rows")) == 9
    bootstrap_folder(RECIPE, f"{tmp_path}/rows/", part_blocks=1, replace=True)
    assert digests(tmp_path / "rows") == digests(undisturbed)


def busy_workers() -> list[psutil.Process]:
    """Processes of this test's own cluster that are making a part."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found += [process] if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::_called") else []
    return found


@pytest.mark.usefixtures("cluster")
def test_a_killed_worker_changes_nothing(tmp_path):
    recipe = make_recipe({"samples": 24 * 4096})
    bootstrap_folder(recipe, f"{tmp_path}/plain/", part_blocks=6)
    folder, killed, cut, over = tmp_path / "rows", [], [], Event()

    def kill() -> None:
        for _ in range(2):  # twice, the second time perhaps one that makes a killed part anew
            while not (partial := list(folder.glob(".part-*"))) or not (workers := busy_workers()):
                if over.wait(0.005):
                    return
            workers[0].kill()
            killed.append(workers[0].pid)
            cut.extend(partial)
            time.sleep(0.3)

    with ThreadPoolExecutor(1) as pool:
        killer = pool.submit(kill)
        try:
            outcome = bootstrap_folder(recipe, f"{folder}/", part_blocks=6, engine="ray", workers=2)
        finally:
            over.set()
        killer.result(timeout=60)
    assert (len(set(killed)), len(cut) >= 2) == (2, True)
    assert (outcome.rows, outcome.made, outcome.kept, outcome.written, outcome.ready) == (24 * 4096, 24 * 4096, 0, True, True)
    assert digests(folder) == digests(tmp_path / "plain")


def test_a_folder_holds_the_rows_of_a_file(undisturbed, tmp_path):
    bootstrap_file(RECIPE, tmp_path / "rows.parquet")
    rows = [pa.concat_tables([batch.rows for batch in read_stored(place)[0]]) for place in (undisturbed, tmp_path / "rows.parquet")]
    assert rows[0].equals(rows[1])
    assert rows[0].equals(generate(SAMPLES).rows)


def test_the_report_is_that_of_a_file(undisturbed, tmp_path):
    report = json.loads((undisturbed / "manifest.json").read_text())["report"]
    other = bootstrap_file(RECIPE, tmp_path / "rows.parquet").report
    assert report == json.loads(json.dumps(other))


def test_the_report_counts_rows_that_it_does_not_look_at(tmp_path, monkeypatch):
    monkeypatch.setattr(quick, "LOOK", 4096)
    report = bootstrap_folder(RECIPE, f"{tmp_path}/rows/", part_blocks=1).report
    assert sum(report["domains"].values()) == sum(report["tiers"].values()) == SAMPLES
    assert report["quality_validation"]["sample_count"] == SAMPLES
    assert not [found for found in report["findings"] if found["verdict"] == "fail"]


def test_a_folder_is_looked_at_and_learnt_from(undisturbed):
    looked = look_at_file(f"{undisturbed}/")
    assert (looked.sample.rows, set(looked.expected.shares), looked.ceiling > 0.8) == (SAMPLES, set(looked.sample.tally.domains), True)
    material = read_rows(undisturbed, most=5000)
    assert (material.table.num_rows, material.present) == (5000, SAMPLES)


def test_memory_is_that_of_the_blocks_in_flight(tmp_path, monkeypatch):
    held, before = [], pa.total_allocated_bytes()
    block = next(local.make_batches(open_run(RECIPE), range(1))).rows.nbytes
    plain = local.make_blocks

    def counted(plan: RunPlan, blocks: range, *arguments, **keywords):
        held.append(pa.total_allocated_bytes() - before)
        return plain(plan, blocks, *arguments, **keywords)

    monkeypatch.setattr(local, "make_blocks", counted)
    monkeypatch.setattr(parts_module, "_report", lambda *_: {})
    bootstrap_folder(make_recipe({"samples": 80 * 4096}), f"{tmp_path}/rows/", part_blocks=40)
    assert len(held) == 40
    assert max(held) < 10 * block  # of 80: two being made, a row group being put together, one being written and one that waits


def test_workers_with_another_content_are_refused(tmp_path):
    job = parts_module.PartPlan(open_run(make_recipe({"samples": 10, "noise": 0.5})).origin, 1, 1)
    with pytest.raises(EnvironmentFailure, match="another program or content"):
        parts_module._make_there(make_recipe({"samples": 10}), parts_module.find_place(str(tmp_path)), job, 0)


def test_a_missing_extra_gives_the_command(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"pip install 'prompt-improver\[ray\]'") as caught:
        bootstrap_folder(RECIPE, f"{tmp_path}/rows/", engine="ray")
    assert caught.value.exit_code == 3
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="expected one of local, ray"):
        bootstrap_folder(RECIPE, f"{tmp_path}/rows/", engine="dask")


@pytest.mark.parametrize("truth", [False, True])
def test_a_block_that_ends_within_a_row_group_is_read_back(tmp_path, truth):
    shares = {"technical": 0.54, "creative": 0.1, "analytical": 0.3, "instructional": 0.03, "conversational": 0.03}
    recipe = make_recipe({"samples": 16386, "domain_distribution": shares})
    assert open_run(recipe).plan.bounds[-2] % 8192  # the short last block is planned as one with that before it
    outcome = bootstrap_folder(recipe, f"{tmp_path}/rows/", truth=truth)
    alone = bootstrap_file(recipe, tmp_path / "rows.parquet")
    assert outcome.report["bayes_auc"] == alone.report["bayes_auc"]


def test_more_parts_than_a_manifest_holds_are_refused():
    with pytest.raises(InputError, match=r"244,141 parts are more than a manifest holds .200,000.; give --part-blocks 2 or more"):
        parts_module.PartPlan(open_run(make_recipe({"samples": 10})).origin, 244_141, 1)
