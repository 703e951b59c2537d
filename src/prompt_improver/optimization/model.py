"""A model on disk: no pickle, a digest, a list of trusted types, a card.

`models/<id>/` holds `model.skops`, `card.json` and `MODEL_CARD.md`; `models/current` names the one in use. Each is put in place whole.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from threadpoolctl import threadpool_limits

from prompt_improver.errors import DataShortfall, EnvironmentFailure, InputError, PrivacyStop
from prompt_improver.features.extractor import extractor_id
from prompt_improver.optimization.card import ModelCard, write_card
from prompt_improver.optimization.effects import RuleEffects
from prompt_improver.optimization.rows import Floats

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["Model", "load_model", "pack_model", "read_card", "save_model"]

_TRUSTED = frozenset(
    {
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    }
)
"""Types beyond the ones skops trusts by itself. A file that names any other one is not loaded."""

_MOST_BYTES = 1 << 30
_MEND = "Make a new one with: prompt-improver optimize"


@dataclass(frozen=True)
class Model:
    """Fitted pipelines with their weights, the effects of rules, and the card."""

    members: tuple[Pipeline, ...]
    weights: tuple[float, ...]
    effects: RuleEffects | None
    card: ModelCard

    def predict(self, table: npt.NDArray[np.object_]) -> Floats:
        """Effectiveness in [0, 1] of n texts, from their table (`rows.build_table`)."""
        with threadpool_limits(1):
            parts = [weight * member.predict(table) for weight, member in zip(self.weights, self.members, strict=True)]
        predicted: Floats = np.clip(np.sum(parts, axis=0), 0.0, 1.0)
        return predicted


def pack_model(members: tuple[Pipeline, ...], weights: tuple[float, ...], effects: RuleEffects | None) -> bytes:
    """The bytes of `model.skops`.

    Raises:
        EnvironmentFailure: this version of scikit-learn needs a type that is not on the list of trusted ones.
    """
    import skops.io

    learnt = None if effects is None else {"center": effects.center, "spread": effects.spread, "weights": effects.weights}
    content: bytes = skops.io.dumps({"members": list(members), "weights": list(weights), "effects": learnt}, compression=zipfile.ZIP_DEFLATED)
    unknown = set(skops.io.get_untrusted_types(data=content)) - _TRUSTED
    if unknown:
        raise EnvironmentFailure(f"the installed scikit-learn keeps models in types that are not trusted here: {', '.join(sorted(unknown))}.")
    return content


def save_model(folder: Path, content: bytes, card: ModelCard) -> tuple[Path, ModelCard]:
    """Puts a model in place and makes it the current one; gives its folder, and the card that lies there.

    Where the same model is there already and whole, it stays as it is. A model is never taken away while it is in use.

    Raises:
        EnvironmentFailure: the folder cannot be written; the model in use before is in use still.
    """
    target, partial = folder / card.model_id, folder / f".{card.model_id}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / ".lock"):
            try:
                kept = _whole(target)
                if kept is None:
                    _write_folder(partial, content, card)
                    _remove(target)
                    partial.replace(target)
                if _named(folder) != card.model_id:
                    pointer = folder / ".current.partial"
                    pointer.write_text(card.model_id + "\n", encoding="utf-8")
                    pointer.replace(folder / "current")
            finally:
                _remove(partial)
    except OSError as error:
        raise EnvironmentFailure(f"the model could not be written to {folder}: {error.strerror or error}.") from None
    return target, kept or card


def _write_folder(folder: Path, content: bytes, card: ModelCard) -> None:
    _remove(folder)
    folder.mkdir()
    (folder / "model.skops").write_bytes(content)
    (folder / "card.json").write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(write_card(card), encoding="utf-8")


def _whole(folder: Path) -> ModelCard | None:
    """The card of a model that is there with all its parts."""
    try:
        card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
        same = hashlib.sha256((folder / "model.skops").read_bytes()).hexdigest() == card.sha256
    except (OSError, ValidationError):
        return None
    return card if same and (folder / "MODEL_CARD.md").is_file() else None


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def load_model(path: Path) -> Model:
    """Loads a model.

    Args:
        path: a model's folder, or the folder that holds all of them, whose current one is taken.

    Raises:
        DataShortfall: there is none, or it was made with another extractor or scikit-learn.
        InputError: the folder does not hold what a model consists of.
        PrivacyStop: the file is not the one that the card names, or holds types that are not trusted.
    """
    folder = _find(path)
    card = _read_card(folder)
    _check_age(folder, card)
    try:
        content = (folder / "model.skops").read_bytes()
    except OSError as error:
        raise InputError(f"{folder} is no whole model: {error.filename}: {error.strerror}. {_MEND}") from None
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise PrivacyStop(f"{folder / 'model.skops'} is not the file that its card names (sha256 differs), so it is not loaded. {_MEND}")
    return _unpack(folder, content, card)


def read_card(path: Path) -> ModelCard:
    """The card of a model, without loading the model; otherwise as `load_model`, of which it raises `DataShortfall` and `InputError`."""
    folder = _find(path)
    card = _read_card(folder)
    _check_age(folder, card)
    return card


def _read_card(folder: Path) -> ModelCard:
    try:
        return ModelCard.model_validate_json((folder / "card.json").read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{folder / 'card.json'}: {where}: {first['msg'].lower()}. {_MEND}") from None
    except OSError as error:
        raise InputError(f"{folder} is no whole model: {error.filename}: {error.strerror}. {_MEND}") from None


def _find(path: Path) -> Path:
    if (path / "card.json").is_file():
        return path
    name = _named(path)
    if name is None:
        raise DataShortfall(f"there is no model in {path} yet. Make one with: prompt-improver optimize")
    if not name.isalnum() or not (path / name / "card.json").is_file():
        raise DataShortfall(f"{path / 'current'} names a model that is not there. {_MEND}")
    return path / name


def _named(folder: Path) -> str | None:
    """The name of the model in use."""
    try:
        return (folder / "current").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _check_age(folder: Path, card: ModelCard) -> None:
    if card.extractor != extractor_id():
        raise DataShortfall(f"the model in {folder} was made with the extractor {card.extractor}; this is {extractor_id()}. {_MEND}")
    made, here = card.libraries.get("scikit-learn", ""), version("scikit-learn")
    if made.split(".")[:2] != here.split(".")[:2]:
        raise DataShortfall(f"the model in {folder} was made with scikit-learn {made or 'unknown'}; this is {here}. {_MEND}")


def _unpack(folder: Path, content: bytes, card: ModelCard) -> Model:
    import skops.io

    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _MOST_BYTES:
            raise PrivacyStop(f"{folder / 'model.skops'} unpacks to {size:,} bytes, more than a model has; it is not loaded. {_MEND}")
        unknown = set(skops.io.get_untrusted_types(data=content)) - _TRUSTED
        if unknown:
            raise PrivacyStop(f"{folder / 'model.skops'} holds types that are not trusted: {', '.join(sorted(unknown))}; it is not loaded. {_MEND}")
        found: dict[str, Any] = skops.io.loads(content, trusted=sorted(_TRUSTED))
        effects = None if found["effects"] is None else RuleEffects(**found["effects"])
        return Model(tuple(found["members"]), tuple(found["weights"]), effects, card)
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError, ImportError) as error:
        raise InputError(f"{folder / 'model.skops'} is no model of this program ({type(error).__name__}). {_MEND}") from None
