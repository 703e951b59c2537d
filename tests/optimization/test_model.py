"""A stored model: whole or not there, loaded only if it is what its card says, and never a way to run code."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io

from prompt_improver import Scorer, generate, optimize
from prompt_improver.errors import DataShortfall, EnvironmentFailure, InputError, PrivacyStop
from prompt_improver.optimization.model import load_model, pack_model, save_model
from prompt_improver.optimization.optimizer import _half_width
from prompt_improver.optimization.pipelines import LEARNERS, STARTS, describe_choice, fit_pipeline
from prompt_improver.optimization.rows import build_table


class Hostile:
    """A type that runs code while it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __setstate__(self, state: dict[str, str]) -> None:
        Path(state["path"]).write_text("ran")


def edit(models, **changes):
    """The same model with another card."""
    path = next(models.glob("*/card.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return models


def put(models, content):
    """Another file in the model's place, with a card that vouches for it."""
    next(models.glob("*/model.skops")).write_bytes(content)
    return edit(models, sha256=hashlib.sha256(content).hexdigest())


CHOICES = [
    *STARTS,
    *({"learner": "linear", "linear_inputs": inputs, "knots": 3, "alpha": 1.0} for inputs in ("counts", "words", "chars")),
    {"learner": "forest", "tree_inputs": "six", "leaf_share": 0.02, "seen_share": 0.5},
]


@pytest.mark.parametrize("choice", CHOICES, ids=describe_choice)
def test_every_kind_of_pipeline_is_kept_without_pickle(rows, choice):
    assert choice["learner"] in LEARNERS
    fitted = fit_pipeline(choice, rows, seed=1)
    content = pack_model((fitted,), (1.0,), None)
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert all(name.endswith((".npy", ".npz", ".json")) for name in names)
    loaded = skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))["members"][0]
    assert np.array_equal(loaded.predict(rows.table), fitted.predict(rows.table))


def test_a_loaded_model_scores_as_the_one_that_was_kept(learned, models):
    texts = ["Write a haiku.", "", "Explain DNS to a nurse in 3 steps.\n- first\n- then"]
    assert Scorer.load(models).score(texts) == Scorer(learned.model).score(texts)
    assert Scorer.load(models / learned.folder.name).score(texts) == Scorer.load(models).score(texts)
    assert np.array_equal(load_model(models).predict(build_table(texts)[0]), learned.model.predict(build_table(texts)[0]))


def test_the_same_rows_and_seed_give_the_same_model(tmp_path, learned):
    again = optimize(generate(400, seed=3), trials=3, folder=tmp_path)
    assert again.folder.name == learned.folder.name
    assert again.card.figures == learned.card.figures
    table = build_table(generate(50, seed=8).rows["prompt_text"].to_pylist())[0]
    assert np.array_equal(again.model.predict(table), learned.model.predict(table))
    other = optimize(generate(400, seed=3), trials=3, seed=43, folder=tmp_path)
    assert other.folder.name != learned.folder.name
    assert Scorer.load(tmp_path / "models").card.model_id == other.folder.name


def test_the_card_says_what_it_was_made_from(learned):
    card, page = learned.card, (learned.folder / "MODEL_CARD.md").read_text()
    assert card.rows["synthetic"] == 400
    assert card.runs[0]["seed"] == 3
    for fact in (
        card.model_id,
        card.extractor,
        card.sha256,
        card.study,
        card.runs[0]["recipe_fingerprint"][:12],
        "## Limits",
        "shuffled labels",
        "Best of 3 trials",
    ):
        assert fact in page
    assert hashlib.sha256((learned.folder / "model.skops").read_bytes()).hexdigest() == card.sha256


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"extractor": "prompt-features/1+000000000000"}, "made with the extractor prompt-features/1"),
        ({"libraries": {"scikit-learn": "0.1.0"}}, "made with scikit-learn 0.1.0"),
        ({"libraries": {}}, "made with scikit-learn unknown"),
    ],
)
def test_a_model_of_another_extractor_or_library_is_refused_with_the_command_that_mends_it(models, changes, said):
    with pytest.raises(DataShortfall, match=f"{said}.*prompt-improver optimize"):
        load_model(edit(models, **changes))


@pytest.mark.parametrize("place", [0, 100, -1])
def test_an_altered_file_is_not_loaded(models, place):
    path = next(models.glob("*/model.skops"))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(PrivacyStop, match="sha256 differs"):
        load_model(models)


def test_types_that_are_not_trusted_are_not_loaded(models, tmp_path):
    """Their code runs when such a file is loaded on its own word, and does not when we load it."""
    target = tmp_path / "owned"
    content = skops.io.dumps({"members": [Hostile(str(target))], "weights": [1.0], "effects": None})
    skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))
    assert target.read_text() == "ran"
    target.unlink()
    with pytest.raises(PrivacyStop, match=r"not trusted.*Hostile"):
        load_model(put(models, content))
    assert not target.exists()


def test_a_file_that_unpacks_to_too_much_is_not_unpacked(models, monkeypatch):
    monkeypatch.setattr("prompt_improver.optimization.model._MOST_BYTES", 1000)
    with pytest.raises(PrivacyStop, match="unpacks to"):
        load_model(models)


@pytest.mark.parametrize("content", [b"", b"PK nothing", b"\x80\x04\x95", skops.io.dumps([1, 2]), skops.io.dumps({"members": []})])
def test_something_else_is_no_model(models, content):
    with pytest.raises(InputError, match="no model of this program"):
        load_model(put(models, content))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"model_id": 3}', "\x00"])
def test_a_broken_card_is_named(models, content):
    next(models.glob("*/card.json")).write_text(content)
    with pytest.raises(InputError, match=r"card\.json"):
        load_model(models)


@pytest.mark.parametrize("pointer", ["", "nowhere", "../../etc", "/etc", "a/b"])
def test_a_pointer_to_nowhere_is_named(models, pointer):
    (models / "current").write_text(pointer)
    with pytest.raises(DataShortfall, match="prompt-improver optimize"):
        load_model(models)


def test_no_model_and_half_a_model(models, tmp_path):
    with pytest.raises(DataShortfall, match=r"no model in .* yet.*prompt-improver optimize"):
        Scorer.load(tmp_path / "empty")
    next(models.glob("*/model.skops")).unlink()
    with pytest.raises(InputError, match="no whole model"):
        load_model(models)


@pytest.mark.parametrize("step", ["write_bytes", "mkdir", "replace"])
def test_a_model_that_cannot_be_written_leaves_the_one_in_use(learned, models, monkeypatch, step):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    content = (learned.folder / "model.skops").read_bytes()
    other = learned.card.model_copy(update={"model_id": "abcdef123456"})
    with monkeypatch.context() as patch:
        patch.setattr(f"pathlib.Path.{step}", full)
        with pytest.raises(EnvironmentFailure, match="No space left"):
            save_model(models, content, other)
    assert load_model(models).card.model_id == learned.card.model_id
    assert not list(models.glob(".*.partial"))
    save_model(models, content, other)
    assert load_model(models).card.model_id == "abcdef123456"


def test_a_model_made_again_stays_as_it_is_and_a_damaged_one_is_mended(learned, models):
    content = (learned.folder / "model.skops").read_bytes()
    path = models / learned.card.model_id / "card.json"
    before = path.stat().st_mtime_ns
    again = learned.card.model_copy(update={"created_at": "2030-01-01T00:00:00+00:00"})
    assert save_model(models, content, again) == (path.parent, learned.card)
    assert path.stat().st_mtime_ns == before
    path.unlink()
    assert save_model(models, content, again)[1] == again
    assert load_model(models).card == again


SAVER = """
import sys
from pathlib import Path
from prompt_improver.optimization.card import ModelCard
from prompt_improver.optimization.model import save_model
folder, source = Path(sys.argv[1]), Path(sys.argv[2])
card, content = ModelCard.model_validate_json((source / "card.json").read_bytes()), (source / "model.skops").read_bytes()
for turn in range(1500):
    save_model(folder, content, card.model_copy(update={"model_id": f"m{(turn + int(sys.argv[3])) % 3}"}))
"""


def test_a_reader_finds_a_whole_model_while_others_write(learned, models):
    writers = [subprocess.Popen([sys.executable, "-c", SAVER, str(models), str(learned.folder), str(number)]) for number in range(2)]
    loads = 0
    while any(writer.poll() is None for writer in writers):
        assert load_model(models).card.sha256 == learned.card.sha256
        loads += 1
    assert [writer.returncode for writer in writers] == [0, 0]
    assert loads > 5


def test_the_interval_covers_what_it_says():
    """Split conformal on errors of a known distribution: nine of ten new ones lie inside, for few rows too."""
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(2000):
        errors = rng.exponential(size=31)
        covered.append(errors[30] <= _half_width(errors[:30], np.zeros(30)))
    assert 0.88 <= np.mean(covered) <= 0.95
