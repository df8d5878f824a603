"""Configuration of Sphinx."""

from multiflexi import __version__

project = "MultiFlexi"
author = "The MultiFlexi authors"
copyright = "The MultiFlexi authors"
release = __version__
extensions = ["myst_parser"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"MultiFlexi {release}"
nitpicky = True
