"""A stored model: whole or not there, loaded only if it is what its card says, and never a way to run code."""

import hashlib
import io
import json
import zipfile

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
    """A type that a model has no use for."""

    def __init__(self) -> None:
        self.what = "print('run')"


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
    for fact in (card.model_id, card.extractor, card.sha256, card.study, card.runs[0]["recipe_fingerprint"][:12], "## Limits", "shuffled labels"):
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


def test_types_that_are_not_trusted_are_not_loaded(models):
    with pytest.raises(PrivacyStop, match=r"not trusted.*Hostile"):
        load_model(put(models, skops.io.dumps({"members": [Hostile()], "weights": [1.0], "effects": None})))


def test_a_function_that_is_not_trusted_is_not_called(models, tmp_path):
    """A file that names a function to call, as an attacker would write it."""
    target = tmp_path / "owned"
    content = skops.io.dumps({"members": [np.zeros(1)], "weights": [1.0], "effects": None})
    source = zipfile.ZipFile(io.BytesIO(content))
    schema = source.read("schema.json").decode()
    assert '"numpy"' in schema
    hostile = schema.replace('"__class__": "ndarray"', '"__class__": "system"').replace('"__module__": "numpy"', '"__module__": "os"')
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, hostile if name == "schema.json" else source.read(name))
    with pytest.raises((PrivacyStop, InputError), match="prompt-improver optimize"):
        load_model(put(models, made.getvalue()))
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


def test_a_model_that_cannot_be_written_leaves_the_one_in_use(learned, models, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    content = (learned.folder / "model.skops").read_bytes()
    other = learned.card.model_copy(update={"model_id": "abcdef123456"})
    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(EnvironmentFailure, match="No space left"):
        save_model(models, content, other)
    monkeypatch.undo()
    assert load_model(models).card.model_id == learned.card.model_id
    save_model(models, content, other)
    assert load_model(models).card.model_id == "abcdef123456"


def test_the_interval_covers_what_it_says():
    """Split conformal on errors of a known distribution: nine of ten new ones lie inside, for few rows too."""
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(2000):
        errors = rng.exponential(size=31)
        covered.append(errors[30] <= _half_width(errors[:30], np.zeros(30)))
    assert 0.88 <= np.mean(covered) <= 0.95
