"""Forms that prove who somebody is."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


def password_input(autocomplete: str, **attributes: Any) -> forms.PasswordInput:
    """A field that password managers know how to fill."""
    return forms.PasswordInput(attrs={"autocomplete": autocomplete, **attributes})


def code_input() -> forms.TextInput:
    """A field for a code of an app, or a recovery code."""
    return forms.TextInput(
        attrs={
            "autocomplete": "one-time-code",
            "autocapitalize": "characters",
            "spellcheck": "false",
            "autofocus": True,
            "data-test": "totp-code",
        }
    )


class SignIn(forms.Form):
    """Who, and the password."""

    login = forms.CharField(
        label=_("User name or e-mail"),
        max_length=254,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
                "data-test": "login-user",
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=password_input("current-password", **{"data-test": "login-password"}),
    )
    remember = forms.BooleanField(label=_("Keep me signed in on this device"), required=False)


class Code(forms.Form):
    """A code of the second factor; `optional` where something else proves it."""

    code = forms.CharField(label=_("Code"), max_length=20, widget=code_input())

    def __init__(self, *arguments: Any, optional: bool = False, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["code"].required = not optional


class Confirmation(Code):
    """The password once more, and a code where the account has a second factor."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=password_input("current-password", autofocus=True),
    )
    field_order = ("password", "code")

    def __init__(self, *arguments: Any, with_code: bool, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if with_code:
            self.fields["code"].widget.attrs.pop("autofocus")
        else:
            del self.fields["code"]


class Saved(forms.Form):
    """The word that the recovery codes were put somewhere safe."""

    saved = forms.BooleanField(label=_("I saved these codes in a safe place"))
