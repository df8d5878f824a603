"""The form that makes the first administrator."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from multiflexi.web.forms.sign_in import password_input

LOGIN = RegexValidator(
    r"\A[A-Za-z0-9._@+-]{3,64}\Z", _("Use 3 to 64 letters without accents, digits and the characters . _ @ + -")
)


def zones() -> list[tuple[str, str]]:
    """Zones that are named after places, and UTC."""
    return [(name, name) for name in sorted(available_timezones()) if "/" in name or name == "UTC"]


class FirstAdministrator(forms.Form):
    """Who that is, with the code that only whoever runs the server can read."""

    code = forms.CharField(
        label=_("Setup code"),
        help_text=_("The log of the web server shows it, and so does: multiflexi-cli setup:code"),
        max_length=100,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True, "data-test": "setup-code"}
        ),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES, widget=forms.RadioSelect)
    timezone = forms.ChoiceField(label=_("Time zone"), choices=zones, widget=forms.Select(attrs={"data-zone": ""}))
    firstname = forms.CharField(
        label=_("First name"), max_length=64, required=False, widget=forms.TextInput({"autocomplete": "given-name"})
    )
    lastname = forms.CharField(
        label=_("Last name"), max_length=64, required=False, widget=forms.TextInput({"autocomplete": "family-name"})
    )
    login = forms.CharField(
        label=_("User name"),
        validators=[LOGIN],
        widget=forms.TextInput({"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput({"autocomplete": "email"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=password_input("new-password", **{"data-shown": ""}),
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["password"].help_text = " ".join(password_validators_help_texts())
