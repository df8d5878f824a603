"""Command modules, one per noun; found through `multiflexi.cli.tree`."""
