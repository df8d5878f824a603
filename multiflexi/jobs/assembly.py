"""Puts the environment of one job together from the offers of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.jobs import reserved, result_file
from multiflexi.jobs.fields import to_process
from multiflexi.jobs.layers import PLATFORM, Offer, Winner, is_credential, merge
from multiflexi.jobs.macros import Expansion, MacroError, Raw
from multiflexi.jobs.resolved import CredentialProblem, EnvironmentProblem, Resolved
from multiflexi.jobs.rows import ForeignCredential, Rows
from multiflexi.jobs.schedulable import zone_name
from multiflexi.models import ConfField, FieldType, Job
from multiflexi.vault.errors import DecryptionFailed, KeyMissing
from multiflexi.vault.secrecy import named_like_a_secret


def assemble(job: Job, stored: Rows, system: Sequence[Offer], directory: str) -> Resolved:
    """The environment of one job; raises EnvironmentProblem."""
    warnings: list[str] = []
    try:
        offers = [*stored.offers(job, system, directory), *reserved.offers(job, directory)]
    except ForeignCredential as problem:
        raise CredentialProblem(str(problem)) from None
    winners = merge(offers, warnings)
    winners.setdefault(reserved.LOGGER, Winner(reserved.logger_default(), []))
    assembly = _Assembly(job, winners, stored.fields[job.app_id], directory, warnings)
    try:
        return assembly.resolved()
    except MacroError as problem:
        raise EnvironmentProblem(str(problem)) from None


class _Assembly:
    """The merged layers of one job on their way to plain texts."""

    def __init__(
        self,
        job: Job,
        winners: dict[str, Winner],
        fields: Sequence[ConfField],
        directory: str,
        warnings: list[str],
    ) -> None:
        self.job = job
        self.winners = winners
        self.fields = {row.keyname: row for row in fields if not row.obsolete}
        self.directory = directory
        self.warnings = warnings
        self.known = frozenset((*self.fields, *winners, *reserved.NAMES))
        self.result_name = result_file.variable(winners, job.app.resultfile)

    def resolved(self) -> Resolved:
        expansion = Expansion(
            raw={name: self._raw(name, winner.offer) for name, winner in self.winners.items()},
            known=self.known,
            render=self._rendered,
        )
        values = {name: expansion.value(name) for name in sorted(self.winners)}
        for name, text in values.items():
            _check_text(name, text)
        self._warn_of_unknown(expansion)
        return Resolved(
            values=values,
            meta={name: self._meta(name, name in expansion.secret) for name in values},
            secrets={values[name] for name in expansion.secret if values[name]},
            warnings=self.warnings,
            missing=sorted(
                name
                for name, row in self.fields.items()
                if row.required and (name not in values or name in expansion.empty)
            ),
            known=self.known,
            uploads={
                name: winner.offer.upload_id
                for name, winner in self.winners.items()
                if winner.offer.upload_id is not None
            },
            result_file=result_file.path_of(values, self.job.app.resultfile),
            directory=self.directory,
            zone=zone_name(self.job.runtemplate, self.job.company),
            company_id=self.job.company_id,
        )

    def _raw(self, name: str, offer: Offer) -> Raw:
        is_secret = self._is_secret(name, offer)
        # What the platform says contains names that people chose; braces in them are no macros.
        return Raw(_opened(offer), is_secret, scanned=not is_secret and offer.source != PLATFORM)

    def _is_secret(self, name: str, offer: Offer) -> bool:
        if offer.upload_id is not None:
            # The content is, not the path.
            return False
        if offer.secret or offer.source == PLATFORM:
            return offer.secret
        field = self.fields.get(name)
        return field.is_secret if field else named_like_a_secret(name)

    def _type(self, name: str) -> str:
        field = self.fields.get(name)
        return field.type if field else self.winners[name].offer.type or FieldType.STRING

    def _rendered(self, name: str, text: str) -> str:
        if name == self.result_name:
            return result_file.place(text, self.directory)
        try:
            return to_process(self._type(name), text, self.job.app.bool_style)
        except ValueError:
            self.warnings.append(
                _("%(name)s is handed over as it is: it is declared as yes or no, but is neither. Write true or false.")
                % {"name": name}
            )
            return text

    def _meta(self, name: str, is_secret: bool) -> dict[str, Any]:
        winner = self.winners[name]
        meta: dict[str, Any] = {
            "type": str(self._type(name)),
            "source": winner.offer.source,
            "secret": is_secret,
            "overridden": winner.overridden,
        }
        if winner.offer.version is not None:
            meta["version"] = winner.offer.version
        if winner.offer.upload_id is not None:
            meta["upload"] = winner.offer.upload_id
        return meta

    def _warn_of_unknown(self, expansion: Expansion) -> None:
        for owner, names in expansion.unknown.items():
            self.warnings.append(
                _("%(owner)s contains %(names)s, which no layer knows; it stays as it is written.")
                % {"owner": owner, "names": ", ".join(f"{{{name}}}" for name in dict.fromkeys(names))}
            )


def _opened(offer: Offer) -> str:
    try:
        return offer.opened()
    except (DecryptionFailed, KeyMissing) as error:
        kind = CredentialProblem if is_credential(offer) else EnvironmentProblem
        raise kind(
            _("The value of %(name)s from %(source)s cannot be decrypted: %(error)s Enter it again.")
            % {"name": offer.name, "source": offer.source, "error": error}
        ) from None


def _check_text(name: str, text: str) -> None:
    try:
        fits = "\0" not in text and text.encode("utf-8", "surrogateescape") is not None
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise EnvironmentProblem(
            _("The value of %(name)s contains a character that no process can be given. Remove it.") % {"name": name}
        )
