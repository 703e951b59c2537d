"""Blocks of a run: plan, text, features, label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prompt_improver.batch import FEATURES, ROW_SCHEMA, TIERS, TRUTH_SCHEMA, Batch, Origin
from prompt_improver.domains.content import RULES
from prompt_improver.domains.grammar import Grammar
from prompt_improver.domains.slips import SLIP_KINDS
from prompt_improver.features.scales import scale_counts
from prompt_improver.generation.effectiveness import Scores, score_rows
from prompt_improver.generation.plan import RowPlan, RunPlan, plan_blocks
from prompt_improver.generation.text import count_pieces, enhanced_pieces, join_pieces, original_pieces
from prompt_improver.guarantees.quotas import TIER_SHARES, largest_remainder
from prompt_improver.guarantees.tiers import assign_tiers

__all__ = ["make_blocks"]

Floats = npt.NDArray[np.float64]

SYNTHETIC_PRIORITY = 10


def make_blocks(run: RunPlan, blocks: range, origin: Origin, *, noise_share: float, gaps: bool) -> list[Batch]:
    """Makes the rows of neighbouring blocks, a batch a block, with their truth beside them.

    Several at once take less time than one by one, and a few MB each; the bytes are the same.
    """
    grammar, plan = run.grammar, plan_blocks(run, blocks)
    enhanced = enhanced_pieces(grammar, plan)
    features = scale_counts(count_pieces(grammar, enhanced))
    scores = score_rows(run, plan, features, noise_share)
    effectiveness, tier = _tiers(run, blocks, scores.structural, gaps=gaps)
    n = len(plan)
    columns = {
        "row_index": pa.array(np.arange(plan.start, plan.start + n)),
        "domain": _named([grammar.domains[number].name for number in run.domains], plan.domain),
        "pattern": _named(grammar.families, grammar.wide("base_family").take(plan.base)),
        "prompt_text": join_pieces(grammar, original_pieces(grammar, plan)),
        "enhanced_prompt": join_pieces(grammar, enhanced),
        "rules": _rule_names(plan),
        "effectiveness_score": pa.array(effectiveness),
        "tier": _named(TIERS, tier),
        "data_source": _named(["synthetic"], np.zeros(n, dtype=np.int64)),
        "training_priority": pa.array(np.full(n, SYNTHETIC_PRIORITY)),
        "is_active": pa.array(np.ones(n, dtype=bool)),
    }
    for place, name in enumerate(FEATURES):
        columns[name] = pa.array(features[:, place].astype(ROW_SCHEMA.field(name).type.to_pandas_dtype()))
    rows = pa.Table.from_arrays([columns[name] for name in ROW_SCHEMA.names], schema=ROW_SCHEMA)
    truth = _truth(grammar, plan, scores)
    sizes = [(run.bounds[block] - plan.start, run.bounds[block + 1] - run.bounds[block]) for block in blocks]
    return [Batch(origin, rows.slice(start, size), truth.slice(start, size)) for start, size in sizes]


def _tiers(run: RunPlan, blocks: range, score: Floats, *, gaps: bool) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Effectiveness and tier of every row, by the ranks within its block."""
    found, start = [], run.bounds[blocks.start]
    for block in blocks:
        before, after = (largest_remainder(run.bounds[place], TIER_SHARES) for place in (block, block + 1))
        counts = [b - a for a, b in zip(before, after, strict=True)]
        found.append(assign_tiers(score[run.bounds[block] - start : run.bounds[block + 1] - start], counts, gaps=gaps))
    return np.concatenate([scores for scores, _ in found]), np.concatenate([tiers for _, tiers in found])


def _named(names: tuple[str, ...] | list[str], place: npt.NDArray[np.integer]) -> pa.Array:
    return pa.array(names, type=pa.string()).take(pa.array(place))


def _rule_names(plan: RowPlan) -> pa.ListArray:
    applied = plan.strengths > 0
    ends = np.concatenate([[0], np.cumsum(applied.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), _named(RULES, np.nonzero(applied)[1]))


def _truth(grammar: Grammar, plan: RowPlan, scores: Scores) -> pa.Table:
    n = len(plan)
    width = plan.strengths.shape[1]
    marks = pa.ListArray.from_arrays(pa.array(np.arange(n + 1, dtype=np.int32) * width), pa.array(plan.strengths.ravel()))
    slipped = pa.array(plan.slip, mask=plan.slip < 0)
    columns = {
        "row_index": pa.array(np.arange(plan.start, plan.start + n)),
        "difficulty": pa.array(scores.difficulty),
        "care": pa.array(plan.care),
        "fit": pa.array(plan.fit),
        "seen_score": pa.array(scores.seen),
        "known_score": pa.array(scores.known),
        "structural_score": pa.array(scores.structural),
        "noise": pa.array(scores.noise),
        "rule_strengths": marks,
        "slip": pa.array(SLIP_KINDS, type=pa.string()).take(pa.array(grammar["slip_kind"]).take(slipped)),
        "slip_wrote": grammar.texts("slip_wrote").take(slipped),
        "slip_meant": grammar.texts("slip_meant").take(slipped),
    }
    return pa.Table.from_arrays([columns[name] for name in TRUTH_SCHEMA.names], schema=TRUTH_SCHEMA)
