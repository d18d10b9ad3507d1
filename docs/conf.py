"""How `nox -s docs` builds the documentation."""

project = "sky-rs"
author = "the sky-rs maintainers"
extensions = ["myst_parser"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
html_theme = "furo"
html_title = "sky-rs"
exclude_patterns = ["_build"]
nitpicky = True
