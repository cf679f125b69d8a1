"""Draws the call machine from its table, for docs/call-machine.md: the picture cannot differ from the law."""

from __future__ import annotations

from collections import defaultdict

from gateway.call.machine import TABLE
from gateway.call.visit import State


def draw() -> str:
    """A Mermaid state diagram. What does not change the state is left out."""
    arrows: dict[tuple[State, State], list[str]] = defaultdict(list)
    for (state, event), rule in TABLE.items():
        for target in rule.to:
            if target is not state:
                arrows[state, target].append(event.__name__)
    order = list(State)
    lines = ["stateDiagram-v2", f"    [*] --> {State.REQUESTED.name}"]
    for state, target in sorted(arrows, key=lambda each: (order.index(each[0]), order.index(each[1]))):
        lines.append(f"    {state.name} --> {target.name}: {', '.join(sorted(arrows[state, target]))}")
    lines.append(f"    {State.ENDED.name} --> [*]")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    words = "\n".join(f"| `{state.name}` | {state.value} |" for state in State)
    return (
        "# The call machine\n\n"
        "Drawn from the table in `gateway/call/machine.py` by `gateway/call/diagram.py`; a test keeps it true.\n"
        "`python -m gateway.call.diagram > docs/call-machine.md` draws it anew.\n\n"
        f"| state | what staff read |\n|---|---|\n{words}\n\n"
        f"```mermaid\n{draw()}```\n"
    )


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - its purpose
