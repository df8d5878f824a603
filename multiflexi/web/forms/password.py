"""Forms around passwords."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from multiflexi.web.forms.sign_in import password_input


class ForgottenPassword(forms.Form):
    """Whose password was forgotten."""

    account = forms.CharField(
        label=_("User name or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )


class NewPassword(forms.Form):
    """A new password, twice."""

    new = forms.CharField(label=_("New password"), strip=False, max_length=1024, widget=password_input("new-password"))
    again = forms.CharField(
        label=_("New password again"), strip=False, max_length=1024, widget=password_input("new-password")
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["new"].help_text = " ".join(password_validators_help_texts())

    def clean_again(self) -> str:
        """Both must be the same, or a slip of the finger would lock its owner out."""
        again: str = self.cleaned_data["again"]
        if self.cleaned_data.get("new") not in (None, again):
            raise forms.ValidationError(gettext("The two passwords differ; type the same one twice."))
        return again


class ChangedPassword(NewPassword):
    """The present password and a new one."""

    present = forms.CharField(
        label=_("Present password"), strip=False, max_length=1024, widget=password_input("current-password")
    )
    field_order = ("present", "new", "again")
