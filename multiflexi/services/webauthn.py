"""The ceremonies of WebAuthn: what a browser is asked, and whether its answer is right.

Import it in web processes only: the library reads the list of public suffixes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from fido2.cose import ES256, RS256, EdDSA
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from multiflexi.services.errors import BadCredential

log = logging.getLogger(__name__)

NAME = "MultiFlexi"
ALGORITHMS = (EdDSA.ALGORITHM, ES256.ALGORITHM, RS256.ALGORITHM)
Options = dict[str, Any]
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """How browsers see this installation: passkeys belong to the domain, and answers come from the origin alone."""

    domain: str
    origin: str


@dataclass(frozen=True, slots=True)
class Made:
    """A new credential: its stored text, what stands for its identifier, and its counter."""

    credential: str
    credential_hash: str
    sign_count: int


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer that is to be checked: what stands for the credential it names, and the account it names, if any."""

    credential_hash: str
    handle: str | None
    answer: Mapping[str, Any]


def creation(site: Site, *, handle: str, login: str, name: str, known: Iterable[str]) -> tuple[Options, State]:
    """What asks a browser for a new credential, and what `made` needs to check the answer."""
    options, state = _server(site).register_begin(
        PublicKeyCredentialUserEntity(id=websafe_decode(handle), name=login, display_name=name),
        [_credential(one) for one in known],
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return dict(options), state


def made(site: Site, state: State, answer: Any) -> Made:
    """The credential of the answer. Raises BadCredential for one that is not right."""
    try:
        _refuse_frames(RegistrationResponse.from_dict(answer).response.client_data)
        data = _server(site).register_complete(state, answer).credential_data
        if data is None or data.public_key.ALGORITHM not in ALGORITHMS:
            raise ValueError("a key of an algorithm that was not asked for")
        count = RegistrationResponse.from_dict(answer).response.attestation_object.auth_data.counter
    # Whatever bytes somebody sends: the library's parsers raise many kinds.
    except Exception as error:
        raise _refused(error) from error
    return Made(websafe_encode(data), _hash(data.credential_id), count)


def request(site: Site, known: Iterable[str] | None, *, verified: bool) -> tuple[Options, State]:
    """What asks a browser for one of the known credentials, None: for any, and what `proven` needs.

    `verified` asks the device to make sure who holds it.
    """
    wanted = UserVerificationRequirement.REQUIRED if verified else UserVerificationRequirement.PREFERRED
    descriptors = None if known is None else [_credential(one) for one in known]
    options, state = _server(site).authenticate_begin(descriptors, user_verification=wanted)
    return dict(options), state


def shown(answer: Any) -> Shown:
    """What an answer says about itself, which nobody has checked yet. Raises BadCredential."""
    try:
        told = AuthenticationResponse.from_dict(answer)
        handle = told.response.user_handle
        return Shown(_hash(told.raw_id), websafe_encode(handle) if handle else None, answer)
    except Exception as error:
        raise _refused(error) from error


def proven(site: Site, state: State, credential: str, given: Shown) -> int:
    """The counter that the credential signed. Raises BadCredential for an answer that is not right."""
    try:
        told = AuthenticationResponse.from_dict(given.answer).response
        _refuse_frames(told.client_data)
        _server(site).authenticate_complete(state, [_credential(credential)], given.answer)
        data: AuthenticatorData = told.authenticator_data
        return data.counter
    except Exception as error:
        raise _refused(error) from error


def _server(site: Site) -> Fido2Server:
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=site.domain, name=NAME), verify_origin=lambda origin: origin == site.origin
    )
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=one) for one in ALGORITHMS
    ]
    return server


def _refuse_frames(told: Any) -> None:
    if told.cross_origin:
        raise ValueError("asked from a frame of another page")


def _credential(text: str) -> AttestedCredentialData:
    return AttestedCredentialData(websafe_decode(text))


def _hash(identifier: bytes) -> str:
    return hashlib.sha256(identifier).hexdigest()


def _refused(error: Exception) -> BadCredential:
    log.info("a passkey is refused: %s: %s", type(error).__name__, str(error)[:200])
    return BadCredential(_("The passkey was not accepted; try again."), "bad_passkey")
