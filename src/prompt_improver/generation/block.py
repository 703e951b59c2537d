"""One block of a run: plan, text, features, label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prompt_improver.batch import FEATURES, ROW_SCHEMA, TIERS, TRUTH_SCHEMA, Batch, Origin
from prompt_improver.domains.content import RULES
from prompt_improver.domains.grammar import Grammar
from prompt_improver.domains.slips import SLIP_KINDS
from prompt_improver.features.scales import scale_counts
from prompt_improver.generation.effectiveness import Scores, score_block
from prompt_improver.generation.plan import BlockPlan, RunPlan, plan_block
from prompt_improver.generation.text import count_pieces, enhanced_pieces, join_pieces, original_pieces
from prompt_improver.guarantees.quotas import TIER_SHARES, largest_remainder
from prompt_improver.guarantees.tiers import assign_tiers

__all__ = ["make_block"]

SYNTHETIC_PRIORITY = 10


def make_block(run: RunPlan, block: int, origin: Origin, *, noise_share: float, gaps: bool) -> Batch:
    """Makes the rows of one block, with their truth beside them."""
    grammar, plan = run.grammar, plan_block(run, block)
    enhanced = enhanced_pieces(grammar, plan)
    features = scale_counts(count_pieces(grammar, enhanced))
    scores = score_block(run, plan, features, noise_share)
    before, after = (largest_remainder(run.bounds[place], TIER_SHARES) for place in (block, block + 1))
    effectiveness, tier = assign_tiers(scores.structural, [b - a for a, b in zip(before, after, strict=True)], gaps=gaps)
    n = len(plan)
    columns = {
        "row_index": pa.array(np.arange(plan.start, plan.start + n)),
        "domain": _named([grammar.domains[number].name for number in run.domains], plan.domain),
        "pattern": _named(grammar.families, grammar["base_family"][plan.base]),
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
        columns[name] = pa.array(features[:, place]).cast(ROW_SCHEMA.field(name).type)
    rows = pa.Table.from_arrays([columns[name] for name in ROW_SCHEMA.names], schema=ROW_SCHEMA)
    return Batch(origin, rows, _truth(grammar, plan, scores))


def _named(names: tuple[str, ...] | list[str], place: npt.NDArray[np.integer]) -> pa.Array:
    return pa.array(names, type=pa.string()).take(pa.array(place))


def _rule_names(plan: BlockPlan) -> pa.ListArray:
    applied = plan.strengths > 0
    ends = np.concatenate([[0], np.cumsum(applied.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), _named(RULES, np.nonzero(applied)[1]))


def _truth(grammar: Grammar, plan: BlockPlan, scores: Scores) -> pa.Table:
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
