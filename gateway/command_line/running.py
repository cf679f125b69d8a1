"""Talks to the gateway that runs with this configuration, through its API, as a member of staff."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from gateway.errors import KinbridgeError

if TYPE_CHECKING:
    from gateway.config import Config

TOKEN = "KINBRIDGE_TOKEN"  # noqa: S105 - the name of the variable, not a token
_TIMEOUT_S = 30.0


def post(config: Config, path: str, values: Mapping[str, Any] | None = None) -> Any:
    """What the gateway answers, as JSON values. Raises KinbridgeError with its own words when it says no."""
    address = config.http.public_url.rstrip("/") or f"http://{config.http.host}:{config.http.port}"
    token = os.environ.get(TOKEN, "") or config.http.staff_token.get_secret_value()
    if not token:
        raise KinbridgeError(f"put a staff token with the role administrator into ${TOKEN}")
    request = Request(  # noqa: S310 - the scheme is the configuration's own http or https
        f"{address}{path}",
        data=json.dumps(values or {}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
            return json.load(answer)
    except HTTPError as error:
        raise KinbridgeError(_words(error)) from None
    except (URLError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise KinbridgeError(f"no gateway answers at {address} ({reason}); is it running with this file?") from None


def _words(error: HTTPError) -> str:
    try:
        problem = json.load(error)
        said = [problem["title"], problem.get("detail", ""), problem.get("remedy", "")]
    except (ValueError, KeyError, TypeError):
        return f"the gateway answered {error.code} {error.reason}"
    return "\n".join(each for each in said if each)
