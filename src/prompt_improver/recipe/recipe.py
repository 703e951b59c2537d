"""What to make: a frozen recipe, its loader and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from prompt_improver.errors import RecipeError

__all__ = ["DEFAULT_SHARES", "MAX_SAMPLES", "Recipe", "load_recipe", "make_recipe"]

DEFAULT_SHARES = {"technical": 0.25, "creative": 0.20, "analytical": 0.20, "instructional": 0.20, "conversational": 0.15}
MAX_SAMPLES = 10_000_000_000
_LARGEST_FILE = 1_000_000


class Recipe(BaseModel):
    """What a run makes. Unknown keys are errors; nothing changes after it was made.

    `samples` and `seed` can be set here or on the command line; they are no part of the fingerprint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    samples: int = Field(default=1000, ge=1, le=MAX_SAMPLES, description="rows to make")
    seed: int = Field(default=42, ge=0, lt=2**64, description="whole number that every random stream is keyed by")
    domain_distribution: dict[str, float] | None = Field(
        default=None, description="share of each domain; they add up to 1 (default: the contract's, or those of `domains_folder`)"
    )
    domains_folder: str | None = Field(default=None, description="folder of domain files instead of the built-in ones")
    noise: float = Field(default=0.25, ge=0.0, le=0.9, description="share of noise in the variance of the structural score")
    unchanged_share: float = Field(default=0.16, ge=0.0, le=1.0, description="share of rows whose prompt is kept word for word")
    clause_rate: float = Field(default=0.15, ge=0.0, le=3.0, description="mean number of clauses that follow a rewrite")
    slip_rate: float = Field(default=0.05, ge=0.0, le=1.0, description="share of short prompts that carry one slip of typing or grammar")
    tier_gaps: bool = Field(default=True, description="keep (.3, .4) and (.6, .7) free of effectiveness scores")

    @field_validator("domain_distribution")
    @classmethod
    def _check_shares(cls, shares: dict[str, float] | None) -> dict[str, float] | None:
        if shares is None:
            return None
        if not shares:
            raise ValueError("names no domain; name at least one")
        for name, share in shares.items():
            if not (math.isfinite(share) and 0 < share <= 1):
                raise ValueError(f"share of '{name}' is {share}; expected more than 0 and at most 1")
        total = math.fsum(shares.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"shares add up to {total:.6g}; expected 1")
        return shares

    def fingerprint(self, content: str) -> str:
        """Digest of every field that decides what a row is, and of the content's digest."""
        fields = self.model_dump(mode="json", exclude={"samples", "seed", "domains_folder"})
        text = json.dumps({"recipe": 1, "content": content, **fields}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def make_recipe(fields: dict[str, Any], source: str = "recipe") -> Recipe:
    """A recipe from plain values.

    Raises:
        RecipeError: naming every wrong key, what was expected and what came.
    """
    try:
        return Recipe(**fields)
    except ValidationError as error:
        told = "; ".join(_tell(problem) for problem in error.errors(include_url=False))
        raise RecipeError(f"{source}: {told}.") from None


def _tell(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "recipe"
    if problem["type"] == "extra_forbidden":
        return f"'{key}' is not a known key; known are {', '.join(Recipe.model_fields)}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"'{key}': {message[:1].lower()}{message[1:]} (came: {problem['input']!r:.60})"


def load_recipe(path: Path) -> dict[str, Any]:
    """The fields of a recipe file (TOML), for `make_recipe`; a relative folder counts from the file's.

    Raises:
        RecipeError: cannot be read, too large, or not TOML; names file and line.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > _LARGEST_FILE:
            raise RecipeError(f"{path}: {len(raw)} bytes; a recipe has at most {_LARGEST_FILE}.")
        fields = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not a TOML file in UTF-8: {error}.") from error
    except RecursionError:
        raise RecipeError(f"{path}: nested too deeply; a recipe is a flat list of keys.") from None
    folder = fields.get("domains_folder")
    if isinstance(folder, str):
        fields["domains_folder"] = str((path.parent / folder).resolve())
    return fields
