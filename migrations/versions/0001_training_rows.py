"""Runs and training rows."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "generation_runs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("seed", sa.String(20), nullable=False),
        sa.Column("samples", sa.BigInteger, nullable=False),
        sa.Column("recipe_fingerprint", sa.String(64), nullable=False),
        sa.Column("extractor", sa.String(64), nullable=False),
        sa.Column("engine_version", sa.String(32), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quality_report", sa.JSON, nullable=True),
        sa.CheckConstraint("status IN ('running', 'complete', 'failed')", name=op.f("ck_generation_runs_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation_runs")),
    )
    op.create_table(
        "training_prompts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(32), nullable=True),
        sa.Column("row_index", sa.BigInteger, nullable=False),
        sa.Column("domain", sa.String(64), nullable=False),
        sa.Column("pattern", sa.String(64), nullable=False),
        sa.Column("prompt_text", sa.Text, nullable=False),
        sa.Column("enhanced_prompt", sa.Text, nullable=False),
        sa.Column("rules", sa.JSON, nullable=False),
        sa.Column("clarity", sa.Float(53), nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("specificity", sa.Float(53), nullable=False),
        sa.Column("complexity", sa.Integer, nullable=False),
        sa.Column("context_richness", sa.Float(53), nullable=False),
        sa.Column("actionability", sa.Float(53), nullable=False),
        sa.Column("effectiveness_score", sa.Float(53), nullable=False),
        sa.Column("tier", sa.String(8), nullable=False),
        sa.Column("data_source", sa.String(16), nullable=False),
        sa.Column("training_priority", sa.Integer, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("tier IN ('low', 'medium', 'high')", name=op.f("ck_training_prompts_tier")),
        sa.CheckConstraint("data_source IN ('synthetic', 'real')", name=op.f("ck_training_prompts_data_source")),
        sa.CheckConstraint("effectiveness_score >= 0 AND effectiveness_score <= 1", name=op.f("ck_training_prompts_effectiveness_score")),
        sa.CheckConstraint("data_source = 'real' OR run_id IS NOT NULL", name=op.f("ck_training_prompts_run_id")),
        sa.ForeignKeyConstraint(["run_id"], ["generation_runs.id"], name=op.f("fk_training_prompts_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_prompts")),
        sa.UniqueConstraint("run_id", "row_index", name=op.f("uq_training_prompts_run_id_row_index")),
    )


def downgrade() -> None:
    op.drop_table("training_prompts")
    op.drop_table("generation_runs")
