"""A Bitwarden server with one account: the other half of the protocol, written from the clients' documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Any
from urllib.parse import parse_qs

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.unit.credentials.standin import Reply, Request, Route

PBKDF2 = {"kdf": 0, "kdfIterations": 5000}
ARGON2 = {"kdf": 1, "kdfIterations": 2, "kdfMemory": 16, "kdfParallelism": 1}


def sealed(plain: bytes | str, key: bytes) -> str:
    """A text of type 2 under a key of 64 bytes."""
    data = plain.encode() if isinstance(plain, str) else plain
    padder, iv = padding.PKCS7(128).padder(), os.urandom(16)
    encryptor = Cipher(algorithms.AES(key[:32]), modes.CBC(iv)).encryptor()
    text = encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()
    mac = hmac.digest(key[32:], iv + text, "sha256")
    return "2." + "|".join(base64.b64encode(part).decode() for part in (iv, text, mac))


class Account:
    """What the server keeps of an account."""

    def __init__(self, email: str, password: str, kdf: dict[str, int] | None = None, *, capital: bool = False) -> None:
        self.kdf, self.capital = kdf or PBKDF2, capital
        salt = email.lower().encode()
        if self.kdf["kdf"]:
            master = hash_secret_raw(password.encode(), hashlib.sha256(salt).digest(), 2, 16 * 1024, 1, 32, Type.ID)
        else:
            master = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, self.kdf["kdfIterations"], 32)
        self.proof = base64.b64encode(hashlib.pbkdf2_hmac("sha256", master, password.encode(), 1, 32)).decode()
        stretched = b"".join(HKDFExpand(hashes.SHA256(), 32, info).derive(master) for info in (b"enc", b"mac"))
        self.key, self.organization_key = os.urandom(64), os.urandom(64)
        self.sealed_key = sealed(self.key, stretched)
        private = rsa.generate_private_key(65537, 2048)
        der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        scheme = OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)
        shared = base64.b64encode(private.public_key().encrypt(self.organization_key, scheme)).decode()
        self.profile = {
            "privateKey": sealed(der, self.key),
            "organizations": [{"id": "org", "key": f"4.{shared}"}],
        }
        self.folders = [
            {"id": "f1", "name": sealed("MultiFlexi", self.key)},
            {"id": "f2", "name": sealed("X", self.key)},
        ]
        self.ciphers: list[dict[str, Any]] = []
        self.grants = 0

    def add(self, name: str, user: str, password: str, *, key: bytes | None = None, **more: Any) -> None:
        """Put a login into the folder MultiFlexi, or where `folderId` says."""
        with_key = key or self.key
        login = {"username": sealed(user, with_key), "password": sealed(password, with_key)}
        self.ciphers.append({"type": 1, "folderId": "f1", "name": sealed(name, with_key), "login": login, **more})

    def routes(self) -> dict[str, Route]:
        return {
            "POST /identity/accounts/prelogin": Reply(200, self.kdf),
            "POST /identity/connect/token": self._grant,
            "GET /api/sync": self._sync,
        }

    def _grant(self, request: Request) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form["password"] != self.proof or form["grant_type"] != "password":
            return Reply(400, {"error": "invalid_grant", "ErrorModel": {"Message": f"no: {form['password']}"}})
        self.grants += 1
        self.device = form["deviceIdentifier"]
        return Reply(200, {"access_token": "bearer", "Key": self.sealed_key})

    def _sync(self, request: Request) -> Reply:
        if request.headers.get("authorization") != "Bearer bearer":
            return Reply(401)
        content = {"profile": self.profile, "folders": self.folders, "ciphers": self.ciphers}
        return Reply(200, _capital(content) if self.capital else content)


def _capital(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: _capital(item) for key, item in value.items()}
    return [_capital(item) for item in value] if isinstance(value, list) else value
