"""The sign-in by which programs without an application of their own open SharePoint with user and password."""

from __future__ import annotations

from xml.sax.saxutils import escape

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, web
from multiflexi.credentials.contract import CannotResolve, Given
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import misconfigured
from multiflexi.models import Availability

_PATH = "/extSTS.srf"
_ENVELOPE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://www.w3.org/2005/08/addressing"
 xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"><s:Header>
<a:Action s:mustUnderstand="1">http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue</a:Action>
<a:To s:mustUnderstand="1">https://login.microsoftonline.com/extSTS.srf</a:To>
<o:Security s:mustUnderstand="1"
 xmlns:o="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"><o:UsernameToken>
<o:Username>{user}</o:Username><o:Password>{password}</o:Password></o:UsernameToken></o:Security></s:Header><s:Body>
<t:RequestSecurityToken xmlns:t="http://schemas.xmlsoap.org/ws/2005/02/trust">
<wsp:AppliesTo xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"><a:EndpointReference>
<a:Address>https://{site}/</a:Address></a:EndpointReference></wsp:AppliesTo>
<t:KeyType>http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey</t:KeyType>
<t:RequestType>http://schemas.xmlsoap.org/ws/2005/02/trust/Issue</t:RequestType>
<t:TokenType>urn:oasis:names:tc:SAML:1.0:assertion</t:TokenType></t:RequestSecurityToken></s:Body></s:Envelope>"""


def attempt(network: Network, given: Given, *, login: str, tenant: str, user: str, password: str) -> None:
    """Ask for a token for SharePoint. Raises CannotResolve when there is none, or Trouble."""
    site = f"{tenant.removesuffix('.onmicrosoft.com')}.sharepoint.com"
    envelope = _ENVELOPE.format(user=escape(user), password=escape(password), site=escape(site))
    answer = web.ask(
        network,
        given,
        "POST",
        web.url(given, "login", login + _PATH),
        headers={"Content-Type": "application/soap+xml; charset=utf-8"},
        body=envelope.encode(),
    )
    result = classify.answer(answer)
    if result.state is Availability.UNAVAILABLE:
        raise CannotResolve(result)
    if answer.status != 200 or b"BinarySecurityToken" not in answer.body:
        raise misconfigured(_("Microsoft refuses the user; correct user and password, or use an application."))
