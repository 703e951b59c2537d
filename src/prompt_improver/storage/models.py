"""Tables: one row a training prompt, one row a run. Names and types are the contract's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

__all__ = ["GenerationRun", "TrainingPrompt", "metadata"]

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

_BIG = BigInteger().with_variant(Integer, "sqlite")


class _UtcTime(TypeDecorator[datetime]):
    """A moment, with its zone when read, on SQLite too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _now() -> datetime:
    return datetime.now(UTC)


class GenerationRun(SQLModel, table=True):
    """One run of the generator. `id` is a digest of recipe, seed, samples, extractor and version."""

    __tablename__ = "generation_runs"
    __table_args__ = (CheckConstraint("status IN ('running', 'complete', 'failed')", name="status"),)

    id: str = Field(sa_column=Column(String(32), primary_key=True))
    seed: str = Field(sa_column=Column(String(20), nullable=False))  # text: a seed may exceed 63 bits
    samples: int = Field(sa_column=Column(BigInteger, nullable=False))
    recipe_fingerprint: str = Field(sa_column=Column(String(64), nullable=False))
    extractor: str = Field(sa_column=Column(String(64), nullable=False))
    engine_version: str = Field(sa_column=Column(String(32), nullable=False))
    status: str = Field(sa_column=Column(String(8), nullable=False))
    started_at: datetime = Field(default_factory=_now, sa_column=Column(_UtcTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(_UtcTime, nullable=True))
    quality_report: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))


class TrainingPrompt(SQLModel, table=True):
    """One training row. Synthetic rows belong to a run; real ones have no `run_id`."""

    __tablename__ = "training_prompts"
    __table_args__ = (
        UniqueConstraint("run_id", "row_index"),
        CheckConstraint("tier IN ('low', 'medium', 'high')", name="tier"),
        CheckConstraint("data_source IN ('synthetic', 'real')", name="data_source"),
        CheckConstraint("effectiveness_score >= 0 AND effectiveness_score <= 1", name="effectiveness_score"),
        CheckConstraint("data_source = 'real' OR run_id IS NOT NULL", name="run_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(_BIG, primary_key=True, autoincrement=True))
    run_id: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("generation_runs.id"), nullable=True))
    row_index: int = Field(sa_column=Column(BigInteger, nullable=False))
    domain: str = Field(sa_column=Column(String(64), nullable=False))
    pattern: str = Field(sa_column=Column(String(64), nullable=False))
    prompt_text: str = Field(sa_column=Column(Text, nullable=False))
    enhanced_prompt: str = Field(sa_column=Column(Text, nullable=False))
    rules: list[str] = Field(sa_column=Column(JSON, nullable=False))
    clarity: float = Field(sa_column=Column(Float(53), nullable=False))
    length: int = Field(sa_column=Column(Integer, nullable=False))
    specificity: float = Field(sa_column=Column(Float(53), nullable=False))
    complexity: int = Field(sa_column=Column(Integer, nullable=False))
    context_richness: float = Field(sa_column=Column(Float(53), nullable=False))
    actionability: float = Field(sa_column=Column(Float(53), nullable=False))
    effectiveness_score: float = Field(sa_column=Column(Float(53), nullable=False))
    tier: str = Field(sa_column=Column(String(8), nullable=False))
    data_source: str = Field(sa_column=Column(String(16), nullable=False))
    training_priority: int = Field(sa_column=Column(Integer, nullable=False))
    is_active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    created_at: datetime = Field(default_factory=_now, sa_column=Column(_UtcTime, nullable=False))
