"""The secret in the address of a webhook: as the password of Basic authentication, or behind the name in the path."""

from __future__ import annotations

import base64
import binascii
import hmac

from mailevents_dagster.sources.webhook.providers.provider import Access, RefusedError, Status


def check_secret(access: Access, authorization: str, in_path: str) -> None:
    """Refuse a request that does not bring the secret."""
    user, password = _user_and_password(authorization)
    if not authorization and not in_path:
        raise RefusedError(Status.UNPROVEN, "it brings no secret: put user and password into its address")
    is_secret = _same(in_path, access.secret) if in_path else _same(password, access.secret)
    is_user = bool(in_path) or not access.user or _same(user, access.user)
    if not (is_secret & is_user):
        raise RefusedError(Status.UNPROVEN, "the secret that it brings is not that of the settings")


def _user_and_password(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "replace").partition(":")
    except (ValueError, binascii.Error):
        return "", ""
    return user, password


def _same(one: str, other: str) -> bool:
    """Compare in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
