"""Benchmarks run, and their page says everything that was measured. Nothing here judges a time."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import pytest

from benchmarks.area import AREAS
from benchmarks.figures import Area, Figure, keep_area, read_areas
from benchmarks.pairs import dropping, paired

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, compiled: Path) -> tuple[Path, str]:
    """Results and page of two areas, quickly."""
    folder = tmp_path_factory.mktemp("benchmarks")
    results, page = folder / "results.json", folder / "page.md"
    (folder / "home").mkdir()
    (folder / "home" / "cache").symlink_to(compiled)
    command = ["benchmarks/run.py", "--quick", "--rounds", "2", "--only", "block", "files", "--results", str(results), "--write", str(page)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMPT_IMPROVER_HOME", str(folder / "home"))
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return results, page.read_text(encoding="utf-8")


def test_the_page_has_every_part(written):
    _, page = written
    headings = re.findall(r"^## (.+)$", page, flags=re.MULTILINE)
    assert headings == [
        "Against the targets",
        "Stated only",
        "Other generators, rows of the same shape",
        "Growth",
        "Where the time of a block goes",
        "Slow for a reason",
        "Measures",
        "Not measured",
        "Machine and versions",
    ]
    measured = {figure["name"] for figure in figures(written) if not figure["missing"]}
    assert "files.parquet" in measured
    assert set(re.findall(r"^\| `(\S+)` \|", page[page.index("## Measures") : page.index("## Not measured")], flags=re.MULTILINE)) == measured
    assert "Python " in page
    assert "numpy " in page
    assert re.search(r"^\| block \| \d{4}-\d\d-\d\d \d\d:\d\d UTC \| .+ \| 2 \| quick \| (\d+%|unknown) \|$", page, flags=re.MULTILINE)


def figures(written):
    return [figure for area in json.loads(written[0].read_text(encoding="utf-8")) for figure in area["figures"]]


def test_ratios_of_the_page_are_those_of_the_measures(written):
    _, page = written
    line = next(line for line in page.splitlines() if line.startswith("| `files.parquet` | run to Parquet (zstd) |"))
    kept = next(figure for figure in figures(written) if figure["name"] == "files.parquet")
    ratio = median(ours / floor for ours, floor in zip(kept["ours"], kept["floors"], strict=True))
    assert len(kept["ours"]) == 2
    assert f"| {ratio:.3g} (" in line or f"| 1/{1 / ratio:.3g} (" in line
    assert "| 1.3 (1.05) |" in line


def test_what_cannot_be_measured_is_named_with_its_reason(written):
    _, page = written
    if find_spec("polars") is None:
        assert "| `files.jsonl` | run to JSON lines | not installed: polars |" in page
    for name in set(AREAS) - {"block", "files"}:
        assert f"| `{name}` | the whole area | not run yet |" in page


def test_shares_of_a_block_add_up(written):
    rows = next(area for area in json.loads(written[0].read_text(encoding="utf-8")) if area["name"] == "block")["tables"]["Block"]
    *functions, whole = rows
    assert {"make_blocks", "plan_blocks", "join_pieces", "count_pieces", "score_rows", "assign_tiers"} <= {row["function"] for row in functions}
    assert whole["function"] == "all"
    assert all(row["min"] <= row["µs a row"] <= row["max"] for row in rows)
    assert sum(row["µs a row"] for row in functions) == pytest.approx(whole["µs a row"], rel=0.02)  # two rounds: medians add up, but for rounding


def test_a_new_measure_replaces_its_own_area_only(tmp_path):
    path = tmp_path / "results.json"
    for name, ours in (("files", 2.0), ("start", 3.0), ("files", 4.0)):
        keep_area(path, Area(name, [Figure(f"{name}.x", "work", "floor", ours=[ours], floors=[1.0])]))
    assert {name: area.figures[0].ratio for name, area in read_areas(path).items()} == {"files": 4.0, "start": 3.0}


def test_sides_take_turns_and_warm_ups_are_thrown_away():
    order: list[str] = []

    def side(name: str, measure: float) -> float:
        order.append(name)
        return measure + len(order)

    ours, floors = paired(lambda: side("o", 100.0), lambda: side("f", 200.0), rounds=3, before=lambda: order.append("-"))
    assert "".join(order) == "-f-o" + "-o-f" + "-f-o" + "-o-f"
    assert ours == [106.0, 112.0, 114.0]
    assert floors == [208.0, 210.0, 216.0]


def test_a_dropped_result_is_no_measure():
    called: list[int] = []
    ours, _ = paired(dropping(lambda value: called.append(value) or 1e9, 7), lambda: 1.0, rounds=1, warm_ups=0)
    assert called == [7]
    assert ours[0] < 1e9


@pytest.mark.parametrize(
    "ours, n, floor_n, by_row, limit, goal, ratio, verdict",
    [
        (2.0, 10, 5, True, 1.3, 1.05, 1.0, "goal met"),
        (2.0, 10, 5, False, 1.3, 1.05, 2.0, "missed"),
        (1.2, 1, 1, True, 1.3, 1.05, 1.2, "met"),
        (1.2, 1, 1, True, None, None, 1.2, "stated"),
    ],
)
def test_verdicts(ours, n, floor_n, by_row, limit, goal, ratio, verdict):
    figure = Figure("a.b", "work", "floor", n, floor_n, by_row, limit=limit, goal=goal, ours=[ours], floors=[1.0])
    assert figure.ratio == pytest.approx(ratio)
    assert figure.verdict == verdict


def test_every_area_is_a_module():
    assert all((ROOT / "benchmarks" / f"{name}.py").is_file() for name in AREAS)
