"""From the configuration's `webhooks:` to the values of this room."""

from __future__ import annotations

import os
from datetime import timedelta

from pydantic import SecretStr

from gateway.config_webhooks import WebhookConfig, WebhooksConfig, key_of
from gateway.errors import StartError
from gateway.reaching.delivering import Patience, Receiver


def receivers_of(config: WebhooksConfig) -> tuple[Receiver, ...]:
    """Raises StartError for a secret that is not in the environment, or is none."""
    return tuple(
        Receiver(
            name=each.name,
            url=each.url,
            keys=_keys(each),
            kinds=frozenset(each.kinds),
            facilities=frozenset(each.facilities),
            private=each.private,
            devices=each.devices,
        )
        for each in config.receivers
    )


def patience_of(config: WebhooksConfig) -> Patience:
    return Patience(
        give_up_after=timedelta(hours=config.give_up_after_h),
        parallel=config.parallel,
        timeout_s=config.timeout_s,
        first_retry_s=config.first_retry_s,
        longest_retry_s=config.longest_retry_s,
        keep=timedelta(days=config.keep_days),
    )


def _keys(config: WebhookConfig) -> tuple[bytes, ...]:
    present = _key(config.name, config.secret, config.secret_env)
    before = _key(config.name, config.previous_secret, config.previous_secret_env)
    return tuple(each for each in (present, before) if each)


def _key(receiver: str, secret: SecretStr, variable: str) -> bytes:
    if not variable:
        return key_of(secret.get_secret_value()) if secret.get_secret_value() else b""
    try:
        return key_of(os.environ.get(variable, ""))
    except ValueError as error:
        raise StartError(f"webhooks: receiver {receiver}: ${variable} is no secret: {error}") from None
