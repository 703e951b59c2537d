"""A folder of part files: what is refused, what is kept, what is never touched."""

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from prompt_improver import generate
from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.installation.parts import bootstrap_folder
from prompt_improver.recipe.recipe import make_recipe
from prompt_improver.storage import parts as parts_module
from prompt_improver.storage.files import FILE_SCHEMA
from prompt_improver.storage.parts import names_folder, open_parts, read_parts, read_stored
from prompt_improver.storage.places import Place, find_place

SAMPLES = 2 * 4096 + 100


def make(folder: Path | str | Place, *, samples: int = SAMPLES, seed: int = 42, **keywords):
    place = folder if isinstance(folder, Place) else f"{folder}/"
    return bootstrap_folder(make_recipe({"samples": samples, "seed": seed}), place, part_blocks=1, **keywords)


@pytest.fixture(scope="module")
def whole(compiled, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "rows"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMPT_IMPROVER_HOME", str(compiled.parent))
        make(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "rows")
    return tmp_path / "rows"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edit(folder: Path, **changes) -> None:
    """Changes a manifest as a program of ours would: with the right digest."""
    fields = json.loads((folder / "manifest.json").read_text()) | changes
    fields.pop("sha256")
    fields["sha256"] = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(fields))


def test_the_manifest_says_what_is_there(whole):
    told = json.loads((whole / "manifest.json").read_text())
    assert (told["format"], told["status"], told["blocks"], told["blocks_per_part"]) == (1, "complete", 3, 1)
    assert (told["run"]["samples"], told["run"]["seed"]) == (SAMPLES, 42)
    for number, part in enumerate(told["parts"]):
        data = (whole / part["name"]).read_bytes()
        assert (part["name"], part["first_block"], part["blocks"]) == (f"part-{number:05d}.parquet", number, 1)
        assert (part["bytes"], part["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert part["rows"] == part["tally"]["rows"] == pq.read_metadata(whole / part["name"]).num_rows
    assert [part["rows"] for part in told["parts"]] == [4096, 4096, 100]


def test_a_part_is_a_parquet_file_like_any_other(whole):
    table = pq.read_table(whole / "part-00001.parquet")
    assert table.schema.equals(FILE_SCHEMA)
    assert table.drop_columns(["id", "run_id", "created_at"]).to_pylist() == generate(SAMPLES).rows.slice(4096, 4096).to_pylist()
    assert table["id"].to_pylist() == list(range(4097, 8193))
    assert pq.read_metadata(whole / "part-00001.parquet").row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize(
    "text, folder", [("rows/", True), ("s3://bucket/rows", True), ("rows.parquet", False), ("rows", False), (".", False), ("s3:/x", False)]
)
def test_what_means_a_folder(text, folder):
    assert names_folder(text) is folder


def test_a_folder_that_holds_a_run_needs_no_slash(whole):
    assert names_folder(str(whole))


@pytest.mark.parametrize("size", [0, 4, -1])
def test_a_part_that_is_cut_short_is_made_again(folder, whole, size):
    part = folder / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:size])
    assert make(folder).kept == 2
    assert contents(folder) == contents(whole)


def test_an_altered_part_of_the_same_size_is_found_by_its_checksum(folder, whole):
    part = folder / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    assert make(folder).written is False
    with pytest.raises(InputError, match=r"part-00001.parquet was altered.*--verify"):
        list(read_stored(folder)[0])
    assert make(folder, verify=True).kept == 2
    assert contents(folder) == contents(whole)
    assert make(folder, verify=True).written is False


def test_a_missing_part_is_named(folder):
    (folder / "part-00002.parquet").unlink()
    with pytest.raises(InputError, match=r"part-00002.parquet is missing; manifest.json names it"):
        list(read_stored(folder)[0])


def test_a_run_that_is_not_complete_is_not_read(folder):
    edit(folder, status="running")
    with pytest.raises(InputError, match="3 of 3 parts are finished"):
        read_stored(folder)
    with pytest.raises(InputError, match=r"holds no manifest.json"):
        read_stored(f"{folder.parent}/")


@pytest.mark.parametrize("change", [{"seed": 43}, {"samples": SAMPLES + 1}])
def test_another_run_is_refused_unless_replaced(folder, tmp_path, change):
    before = contents(folder)
    with pytest.raises(InputError, match=r"holds another run: .*--replace"):
        make(folder, **change)
    assert contents(folder) == before
    assert make(folder, replace=True, **change).replaced == SAMPLES
    make(tmp_path / "plain", **change)
    assert contents(folder) == contents(tmp_path / "plain")


def test_fewer_parts_take_the_place_of_more(folder):
    make(folder, samples=10, replace=True)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "part-00000.parquet"]


def test_the_same_run_is_gone_on_with_whether_or_not_it_may_replace(folder, whole):
    (folder / "part-00001.parquet").unlink()
    assert make(folder, replace=True).kept == 2
    assert contents(folder) == contents(whole)


def test_another_version_of_the_writer_is_another_run(folder):
    edit(folder, writer="pyarrow 1.0.0", status="running")
    with pytest.raises(InputError, match=r"writer pyarrow 1.0.0 \(asked: pyarrow"):
        make(folder)


@pytest.mark.parametrize("name", ["part-00007.parquet", "part-00001.parquet"])
def test_foreign_parts_are_never_touched(tmp_path, name):
    pq.write_table(pa.table({"a": [1]}), tmp_path / name)
    before = contents(tmp_path)
    for replace in (False, True):
        with pytest.raises(InputError, match=name):
            make(tmp_path, replace=replace)
    assert contents(tmp_path) == before


def test_foreign_files_stay(tmp_path, whole):
    notes = {"notes.txt": b"mine", "part-1.parquet": b"mine", ".part-00000.parquet.partial": b"mine", "part-00000.csv": b"mine"}
    for name, data in notes.items():
        (tmp_path / name).write_bytes(data)
    make(tmp_path, seed=1)
    make(tmp_path, replace=True)
    assert contents(tmp_path) == contents(whole) | notes


def test_parts_without_a_manifest_are_made_anew_only_when_asked(folder, whole):
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"no manifest.json"):
        make(folder)
    make(folder, replace=True)
    assert contents(folder) == contents(whole)


@pytest.mark.parametrize(
    "data, told",
    [
        (b"", "not JSON"),
        (b'{"format": 1, "sta', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "expected an object"),
        (b"{}", "format None"),
        (b'{"format": 2}', "format 2"),
        (b'{"format": 1}', "was altered"),
    ],
)
def test_a_broken_manifest_is_named(folder, whole, data, told):
    (folder / "manifest.json").write_bytes(data)
    for act in (make, read_stored):
        with pytest.raises(InputError, match=told) as caught:
            act(folder)
        assert "manifest.json" in str(caught.value)
    make(folder, replace=True)
    assert contents(folder) == contents(whole)


def test_an_altered_manifest_is_named(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"rows": 4096', '"rows": 4095', 1))
    with pytest.raises(InputError, match="was altered"):
        read_stored(folder)
    edit(folder, surprise=1)
    with pytest.raises(InputError, match="'surprise'"):
        read_stored(folder)


def test_two_processes_do_not_write_one_folder(folder):
    with find_place(f"{folder}/").lock(), pytest.raises(EnvironmentFailure, match="another process is writing"):
        make(folder)


def test_a_slow_manifest_is_not_written_after_each_part(tmp_path, whole, monkeypatch):
    plain, written = parts_module.write_manifest, []

    def slow(place, manifest):
        written.append(len(manifest.parts))
        plain(place, manifest)

    monkeypatch.setattr(parts_module, "write_manifest", slow)
    make(tmp_path / "quick")
    assert written == [0, 1, 2, 3, 3]
    monkeypatch.setattr(parts_module, "_QUICK", -1.0)
    monkeypatch.setattr(parts_module, "_SHARE", 0.0)
    written.clear()
    make(tmp_path / "slow")
    assert written == [0, 3]
    assert contents(tmp_path / "slow") == contents(whole)


def object_store(folder: Path) -> Place:
    """A store without renames or locks, as far as our code can tell."""
    folder.mkdir(exist_ok=True)
    return Place(fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem()), "deep/rows", "store://deep/rows/")


def test_an_object_store_holds_the_same_bytes(tmp_path, whole):
    place = object_store(tmp_path / "store")
    assert not place.local
    make(place, workers=2)
    folder = tmp_path / "store" / "deep" / "rows"
    assert contents(folder) == contents(whole)
    assert make(place).written is False
    part = folder / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:1000])
    edit(folder, status="running", parts=[part for part in json.loads((folder / "manifest.json").read_text())["parts"] if part["first_block"] != 1])
    assert make(place, workers=2).kept == 2  # cut short in the store: only the manifest says what is whole
    assert contents(folder) == contents(whole)
    assert make(place, seed=1, replace=True).replaced == SAMPLES


def test_an_address_is_read_and_written(tmp_path, whole):
    assert make(f"file://{tmp_path}/rows").parts == 3
    assert contents(tmp_path / "rows") == contents(whole)
    place, manifest = open_parts(f"file://{tmp_path}/rows")
    assert sum(len(batch) for batch in read_parts(place, manifest)) == SAMPLES


@pytest.mark.parametrize("text", ["nonsense://user:hunter2@place/x", "s3://user:hunter2@", "ftp://hunter2@h/"])
def test_other_addresses_are_refused_without_their_password(text):
    with pytest.raises(InputError) as caught:
        find_place(text)
    assert "hunter2" not in str(caught.value)


def test_places_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        make(tmp_path / "file")
    with pytest.raises(EnvironmentFailure, match="does not exist"):
        make(tmp_path / "no" / "rows")
