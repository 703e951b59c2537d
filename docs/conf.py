"""Sphinx configuration."""

project = "Prompt Improver"
author = "The Prompt Improver authors"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Prompt Improver"
