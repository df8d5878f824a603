"""What a new password must be like. Django's list of common passwords is asked as well."""

from __future__ import annotations

from difflib import SequenceMatcher

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from multiflexi.models import Company, User
from multiflexi.models.passwords import normal

LONGEST = 256
LONG_ENOUGH = 15
RECOMMENDED = 12
ALIKE = 0.7
SHORTEST_WORD = 3
LEAST_OF_ITS_OWN = 6
PRODUCT = "multiflexi"
CLASSES = "classes"


class Length:
    """Long enough, and not longer than a hash should have to digest."""

    def validate(self, password: str, user: User | None = None) -> None:
        least = _least()
        if len(normal(password)) < least:
            raise ValidationError(_("Use at least %(least)d characters.") % {"least": least})
        if len(password) > LONGEST:
            raise ValidationError(_("Use at most %(most)d characters.") % {"most": LONGEST})

    def get_help_text(self) -> str:
        return _("At least %(least)d characters.") % {"least": _least()}


class Classes:
    """Four kinds of characters, unless the password is long or the installation counts length only."""

    def validate(self, password: str, user: User | None = None) -> None:
        if not _counts_classes() or len(password) >= LONG_ENOUGH:
            return
        kinds = (str.isupper, str.islower, str.isdigit, lambda one: not one.isalnum())
        if not all(any(kind(one) for one in password) for kind in kinds):
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        if not _counts_classes():
            return ""
        return _(
            "Upper and lower case letters, digits and other characters together, or %(long)d characters of any kind."
        ) % {"long": LONG_ENOUGH}


class Likeness:
    """Not what anybody would try who knows the person, the companies or the product."""

    def validate(self, password: str, user: User | None = None) -> None:
        given = normal(password).casefold()
        if any(_alike(given, word) for word in _words(user)):
            raise ValidationError(
                _("Use nothing that is like your name, login, e-mail address, a company of yours or the product.")
            )

    def get_help_text(self) -> str:
        return _("Nothing like your name, login, e-mail address, a company of yours or the product.")


def _least() -> int:
    least: int = settings.PASSWORD_MIN_LENGTH
    return least if _counts_classes() else max(least, RECOMMENDED)


def _counts_classes() -> bool:
    return bool(settings.PASSWORD_RULES == CLASSES)


def _words(user: User | None) -> set[str]:
    found = {PRODUCT}
    if user is not None:
        found |= {str(one) for one in (user.login, user.firstname, user.lastname, user.email) if one}
        found |= {(user.email or "").partition("@")[0]}
        if user.pk:
            own = Company.objects.filter(pk__in=user.company_ids())
            found |= {one for pair in own.values_list("name", "slug") for one in pair}
    return {normal(one).casefold() for one in found if len(one) >= SHORTEST_WORD}


def _alike(password: str, word: str) -> bool:
    if word in password and len(password.replace(word, "")) < LEAST_OF_ITS_OWN:
        return True
    return SequenceMatcher(a=password, b=word).ratio() >= ALIKE
