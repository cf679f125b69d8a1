"""What an action of the call machine is: the visit and an event in, the visit after it and what is to be done out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.call import commands as c
from gateway.call.visit import VisitState

Step = tuple[VisitState, tuple[c.Command, ...]]
Action = Callable[[VisitState, Any, float], Step]
