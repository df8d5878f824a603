"""Forms around passkeys."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from multiflexi.models import Passkey


class Named(forms.Form):
    """What a passkey is called."""

    name = forms.CharField(
        label=_("Name"),
        max_length=Passkey._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "data-test": "passkey-name"}),
    )


class Stay(forms.Form):
    """Whether the sign-in lasts."""

    remember = forms.BooleanField(label=_("Keep me signed in on this device"), required=False)
