"""Compiles the built-in domains into the wheel, so that the first run does not have to."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileDomains(BuildHookInterface):
    """Runs the package's own compiler, which needs nothing but the standard library."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable":
            return
        source = Path(self.root, "src")
        sys.path.insert(0, str(source))
        try:
            from prompt_improver.domains.compile import compile_folder
            from prompt_improver.domains.packed import digest_folder, pack
            from prompt_improver.features.extractor import extractor_id
        finally:
            sys.path.remove(str(source))
        folder = source / "prompt_improver" / "domains"
        name = f"{digest_folder(folder, extractor_id())}.grammar"
        target = Path(self.directory, "compiled")
        target.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(pack(compile_folder(folder)))
        build_data["force_include"][str(target / name)] = f"prompt_improver/domains/compiled/{name}"
