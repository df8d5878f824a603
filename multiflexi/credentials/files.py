"""Files of this host that credentials may name: below a configured root, never those of another company."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from multiflexi.credentials.contract import Given
from multiflexi.credentials.verdicts import misconfigured

SHARED = "shared"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def content(given: Given, name: str, largest: int) -> bytes:
    """The upload of a file field, else the file that its value names. Raises CannotResolve with the reason."""
    upload = given.files.get(name)
    if upload is not None:
        return upload
    path = permitted(given, name)
    problem = ""
    try:
        with open(path, "rb", opener=_opener) as file:
            problem = _problem(os.fstat(file.fileno()), largest)
            data = b"" if problem else file.read(largest + 1)
    except FileNotFoundError:
        problem = _("The file that %(name)s names does not exist.")
    except OSError:
        problem = _("The file that %(name)s names cannot be read.")
    if problem:
        raise misconfigured(problem % {"name": name, "size": largest})
    return data


def permitted(given: Given, name: str) -> Path:
    """The real path in a field when the company of the credential may use it. Raises CannotResolve."""
    root = settings.MULTIFLEXI_CREDENTIAL_FILES
    if root is None:
        raise misconfigured(
            _("%(name)s names a file of this host; that is not allowed here until MULTIFLEXI_CREDENTIAL_FILES is set.")
            % {"name": name}
        )
    folders = [SHARED] if given.company_id is None else [SHARED, str(given.company_id)]
    # Links are followed first, so that none of them leads out of the folders.
    real = Path(os.path.realpath(Path(root) / given.text(name)))
    if not any(real.is_relative_to(os.path.realpath(Path(root) / folder)) for folder in folders):
        raise misconfigured(
            _("%(name)s must name a file in one of the folders %(folders)s below MULTIFLEXI_CREDENTIAL_FILES.")
            % {"name": name, "folders": ", ".join(folders)}
        )
    return real


def _opener(path: str, flags: int) -> int:
    """Open without following a last link, and without waiting for a pipe's other end."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _problem(status: os.stat_result, largest: int) -> str:
    if not stat.S_ISREG(status.st_mode):
        return _("What %(name)s names is no regular file.")
    if status.st_mode & _OTHERS_WRITE:
        return _("The file that %(name)s names can be written by others; take that permission away.")
    if status.st_size > largest:
        return _("The file that %(name)s names is larger than %(size)d bytes.")
    return ""
