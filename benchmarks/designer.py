"""Rows by data-designer's sampler columns; run by the Python of an environment that has it. Prints the seconds of `create`.

python designer.py ROWS PROMPT_CHARACTERS ENHANCED_CHARACTERS
"""

import os
import random
import string
import sys
from tempfile import TemporaryDirectory
from time import perf_counter

__all__ = ["main"]

_TEXTS = 1000
_SHARES = ("clarity", "specificity", "context_richness", "actionability", "effectiveness_score")


def _texts(size: int) -> list[str]:
    letters = random.Random(42)
    return ["".join(letters.choices(string.ascii_lowercase + " ", k=size)) for _ in range(_TEXTS)]


def main(rows: int, prompt: int, enhanced: int) -> None:
    """Makes the rows and prints the seconds."""
    os.environ["NEMO_TELEMETRY_ENABLED"] = "false"  # read while it is imported
    import data_designer.config as config
    from data_designer.interface import DataDesigner

    kinds, builder = config.SamplerType, config.DataDesignerConfigBuilder()
    choices = {
        "domain": ["technical", "creative", "analytical", "instructional", "conversational"],
        "prompt_text": _texts(prompt),
        "rewrite": _texts(enhanced - 12),
        "tier": ["low", "medium", "high"],
    }
    for name, values in choices.items():
        builder.add_column(config.SamplerColumnConfig(name=name, sampler_type=kinds.CATEGORY, params=config.CategorySamplerParams(values=values)))
    for name in _SHARES:
        builder.add_column(config.SamplerColumnConfig(name=name, sampler_type=kinds.UNIFORM, params=config.UniformSamplerParams(low=0, high=1)))
    for name, low, high in (("complexity", 1, 10), ("length", 100, 900)):
        params = config.UniformSamplerParams(low=low, high=high, decimal_places=0)
        builder.add_column(config.SamplerColumnConfig(name=name, sampler_type=kinds.UNIFORM, params=params))
    builder.add_column(config.ExpressionColumnConfig(name="enhanced_prompt", expr="{{ rewrite }}, {{ domain }}"))
    with TemporaryDirectory() as folder:
        designer = DataDesigner(artifact_path=folder)
        begun = perf_counter()
        designer.create(builder, num_records=rows, dataset_name="rows")
        print(perf_counter() - begun)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
