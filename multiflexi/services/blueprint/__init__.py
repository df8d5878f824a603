"""A set-up of companies as one YAML file: written by `export`, brought about by `apply`."""

from multiflexi.services.blueprint.applying import apply
from multiflexi.services.blueprint.exporting import export
from multiflexi.services.blueprint.outcome import Change, Outcome
from multiflexi.services.blueprint.supply import Supply

__all__ = ["Change", "Outcome", "Supply", "apply", "export"]
