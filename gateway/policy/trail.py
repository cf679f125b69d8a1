"""The conditions that were looked at on the way to a decision, in order."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.policy.decision import Refusal, Refused
from gateway.policy.plan import Facility, Rule


@dataclass(slots=True)
class Trail:
    """every_rule: name the rules that do not match, too."""

    every_rule: bool = False
    path: list[str] = field(default_factory=list)
    facility: Facility | None = None
    rule: Rule | None = None
    resident: str = ""

    def passed(self, condition: str, verdict: bool) -> bool:
        self.path.append(f"{condition}: {'PASS' if verdict else 'FAIL'}")
        return verdict

    def refused(self, refusal: Refusal) -> Refused:
        return Refused(
            refusal=refusal,
            facility=self.facility.id if self.facility else "",
            timezone=self.facility.timezone if self.facility else "",
            rule=self.rule.name if self.rule else "",
            path=tuple(self.path),
            resident=self.resident,
        )
