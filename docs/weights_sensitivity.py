"""How much do labels and learners change if the weights of `effectiveness.toml` are other ones? Prints a Markdown table.

    python docs/weights_sensitivity.py [--samples 4000] [--seed 42] [--pairs pairs.jsonl …]

`--pairs` takes JSON lines with `source`, `original` and `improved`: prompts that people rewrote, or of which the better one was measured.
"""

import argparse
import copy
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from scipy.stats import spearmanr
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from prompt_improver.batch import FEATURES
from prompt_improver.domains.content import STRENGTHS
from prompt_improver.execution.local import open_run, stream_batches
from prompt_improver.features.extractor import extract
from prompt_improver.generation.effectiveness import load_weights
from prompt_improver.recipe.recipe import make_recipe

Weights = dict[str, Any]


def scaled(weights: Weights, features: float = 1.0, rules: float = 1.0) -> Weights:
    changed = copy.deepcopy(weights)
    for feature in changed["features"].values():
        feature["weight"] *= features
    for rule in changed["rules"].values():
        for strength in STRENGTHS:
            rule[strength] *= rules
    return changed


def permuted(weights: Weights, seed: int) -> Weights:
    """Sizes change hands among the features, and among the rules; every sign stays where it is."""
    rng, changed = np.random.default_rng(seed), copy.deepcopy(weights)
    sizes = rng.permutation([abs(feature["weight"]) for feature in weights["features"].values()])
    for feature, size in zip(changed["features"].values(), sizes, strict=True):
        feature["weight"] = float(np.copysign(size, feature["weight"]))
    for place, name in zip(rng.permutation(len(changed["rules"])), changed["rules"], strict=True):
        changed["rules"][name] = list(weights["rules"].values())[place]
    return changed


def variants(weights: Weights) -> Iterator[tuple[str, list[Weights]]]:
    yield "as stated", [weights]
    yield "features halved", [scaled(weights, features=0.5)]
    yield "features doubled", [scaled(weights, features=2.0)]
    yield "rules halved", [scaled(weights, rules=0.5)]
    yield "rules doubled", [scaled(weights, rules=2.0)]
    yield "sizes permuted (median of 5)", [permuted(weights, seed) for seed in range(5)]


def labels(weights: Weights, samples: int, seed: int) -> pa.Table:
    with patch("prompt_improver.generation.effectiveness.load_weights", lambda: weights):
        return pa.concat_tables([batch.rows for batch in stream_batches(open_run(make_recipe({"samples": samples, "seed": seed})))])


def balanced_length_accuracy(won: np.ndarray, change: np.ndarray) -> float:
    """Mean of the accuracies on pairs that got longer and on pairs that got shorter: length alone scores one half."""
    return float((won[change > 0].mean() + won[change < 0].mean()) / 2)


def on_pairs(model: HistGradientBoostingRegressor, pairs: dict[str, list[dict[str, str]]]) -> dict[str, float]:
    found = {}
    for source, rows in pairs.items():
        change = np.array([len(row["improved"].split()) - len(row["original"].split()) for row in rows])
        if min((change > 0).sum(), (change < 0).sum()) < 10:
            continue
        better, worse = (model.predict(extract([row[key] for row in rows])) for key in ("improved", "original"))
        found[source] = balanced_length_accuracy((better > worse) + 0.5 * (better == worse), change)
    return found


def measure(weights: Weights, stated: pa.Table, samples: int, seed: int, pairs: dict[str, list[dict[str, str]]]) -> dict[str, float]:
    rows = labels(weights, samples, seed)
    features = np.column_stack([rows[name].to_numpy() for name in FEATURES])
    score, reference = rows["effectiveness_score"].to_numpy(), stated["effectiveness_score"].to_numpy()
    model = HistGradientBoostingRegressor(max_iter=80, max_depth=3, learning_rate=0.08, random_state=0)
    guess = cross_val_predict(model, features, score, cv=GroupKFold(5), groups=rows["pattern"].to_pylist())
    return {
        "rank agreement": float(spearmanr(score, reference)[0]),
        "same tier": float(np.mean(np.array(rows["tier"]) == np.array(stated["tier"]))),
        "own AUC": float(roc_auc_score(score > np.median(score), guess)),
        "AUC on stated labels": float(roc_auc_score(reference > np.median(reference), guess)),
        "Spearman with length": float(spearmanr(score, rows["length"].to_numpy())[0]),
        **on_pairs(model.fit(features, score), pairs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--pairs", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    pairs: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in (json.loads(line) for file in args.pairs for line in file.open(encoding="utf-8")):
        pairs[row["source"]].append(row)
    weights = load_weights()
    stated = labels(weights, args.samples, args.seed)
    for place, (name, several) in enumerate(variants(weights)):
        found = [measure(varied, stated, args.samples, args.seed, pairs) for varied in several]
        if place == 0:
            print("| weights | " + " | ".join(found[0]) + " |\n| --- |" + " --- |" * len(found[0]))
        print(f"| {name} | " + " | ".join(f"{np.median([f[key] for f in found]):.2f}" for key in found[0]) + " |", flush=True)


if __name__ == "__main__":
    main()
