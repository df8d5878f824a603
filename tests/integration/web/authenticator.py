"""A security key in software: what a browser would answer for it, right or wrong in chosen ways."""

from __future__ import annotations

import json
import re
import secrets
from html import unescape
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

ORIGIN = "http://localhost"
FLAG = AuthenticatorData.FLAG


def options_of(page: Any) -> dict[str, Any]:
    """What a page asks the browser."""
    found = re.search(r'data-options="([^"]+)"', page.content.decode())
    assert found, "the page asks for no passkey"
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


class Authenticator:
    """One credential, for whichever domain it was made; `count` is the counter it signs next."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.identifier = secrets.token_bytes(32)
        self.handle = ""
        self.domain = ""
        self.count = 1

    def make(self, options: dict[str, Any], *, origin: str = ORIGIN, key: Any = None) -> str:
        """The answer to a request for a new credential."""
        self.handle, self.domain = options["user"]["id"], options["rp"]["id"]
        public = key or ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(Aaguid.NONE, self.identifier, public)
        data = AuthenticatorData.create(self._site(), FLAG.UP | FLAG.UV | FLAG.AT, self.count, credential)
        self.count += 1 if self.count else 0
        told = CollectedClientData.create("webauthn.create", options["challenge"], origin)
        statement = AttestationObject.create("none", data, {})
        return self._answer({"clientDataJSON": told.b64, "attestationObject": websafe_encode(statement)})

    def prove(
        self,
        options: dict[str, Any],
        *,
        origin: str = ORIGIN,
        flags: Any = FLAG.UP | FLAG.UV,
        handle: str | None = None,
        kind: str = "webauthn.get",
        frame: bool = False,
    ) -> str:
        """The answer to a request for this credential."""
        data = AuthenticatorData.create(self._site(), flags, self.count)
        self.count += 1 if self.count else 0
        told = CollectedClientData.create(kind, options["challenge"], origin, cross_origin=frame)
        signature = self.key.sign(data + told.hash, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": told.b64,
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
                "userHandle": handle or self.handle,
            }
        )

    def _site(self) -> bytes:
        return sha256(self.domain.encode())

    def _answer(self, response: dict[str, str]) -> str:
        identifier = websafe_encode(self.identifier)
        return json.dumps({"id": identifier, "rawId": identifier, "type": "public-key", "response": response})


def challenge_bytes(options: dict[str, Any]) -> bytes:
    """The challenge as it was drawn."""
    return websafe_decode(options["challenge"])
