"""The form that registers an OAuth2 client."""

from django import forms
from django.utils.translation import gettext_lazy as _

from multiflexi.access.matrix import Scope
from multiflexi.http.oauth.clients import CODE, CREDENTIALS


class NewClient(forms.Form):
    """A client to be."""

    name = forms.CharField(label=_("Name"), max_length=255)
    grant = forms.ChoiceField(
        label=_("How it gets tokens"),
        choices=(
            (CODE, _("People allow it to act for them (authorization code with PKCE)")),
            (CREDENTIALS, _("It acts for itself as a service account (client credentials)")),
        ),
    )
    public = forms.BooleanField(label=_("It cannot keep a secret (a program on somebody's device)"), required=False)
    redirect_uris = forms.CharField(
        label=_("Addresses to call back at"),
        help_text=_("One a line; only for clients that act for people."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    account = forms.CharField(
        label=_("Service account"),
        help_text=_("Login of an account without password; only for clients that act for themselves."),
        required=False,
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may be given at most"),
        choices=Scope.choices,
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
    )
