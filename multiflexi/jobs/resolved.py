"""The outcome of resolving an environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from multiflexi.jobs.layers import PLATFORM
from multiflexi.models import FailureReason
from multiflexi.vault.masker import Masker


class EnvironmentProblem(Exception):
    """The job cannot be started with what is configured: it ends as `failed`, 255, `reason`."""

    reason: str = FailureReason.START_FAILED


class CredentialProblem(EnvironmentProblem):
    """An assigned credential is unusable: the job ends as `blocked`, without exit code and without retry."""

    reason = FailureReason.CREDENTIAL_MISCONFIGURED


@dataclass
class Resolved:
    """The environment of one job.

    `values` are what the process gets; `meta` has type, source, secret and overridden layers of each name. `secrets`
    are the values to mask. `missing` names the required variables without a value: the job must not be started.
    `known` may be used as placeholders though they have no value. `uploads` are the ids of the files to write, by
    variable; `result_file` is the path of the result file, `directory` the job's directory, as the process sees them.
    """

    values: dict[str, str] = field(default_factory=dict, repr=False)
    meta: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set, repr=False)
    warnings: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    known: frozenset[str] = frozenset()
    uploads: dict[str, int] = field(default_factory=dict)
    result_file: str | None = None
    directory: str = ""
    zone: str = "UTC"
    company_id: int | None = None
    _masker: Masker | None = field(default=None, repr=False, compare=False)

    @property
    def filled(self) -> set[str]:
        """Names of the variables that are not empty."""
        return {name for name, value in self.values.items() if value}

    def is_secret(self, name: str) -> bool:
        """Whether the value must not be shown."""
        return bool(self.meta.get(name, {}).get("secret"))

    def hidden_meta(self) -> dict[str, dict[str, Any]]:
        """`meta` for everybody but the process: a value is secret, too, when a secret stands in it undeclared.

        What the platform says is made of names and numbers that are no secret anywhere else.
        """
        masker = self.masker()
        if not masker:
            return self.meta
        return {
            name: {**told, "secret": True}
            if told.get("source") != PLATFORM and self._has_secret(name, masker)
            else told
            for name, told in self.meta.items()
        }

    def _has_secret(self, name: str, masker: Masker) -> bool:
        return bool(masker.mask_text(self.values.get(name, ""))[1])

    def hide(self, texts: Iterable[str]) -> None:
        """Mask these texts as well from now on."""
        self.secrets.update(texts)
        self._masker = None

    def masker(self) -> Masker:
        """A masker of all secret values, built once."""
        if self._masker is None:
            self._masker = Masker(self.secrets) if self.secrets else Masker.empty
        return self._masker
