"""Officers at live visits: who may begin to watch, who watches, and the audit that says so afterwards.

api -> Monitoring.begin(visit, officer, offer) -> call.registry (may it be watched?)
                                               -> Journal (written before anything is shown)
                                               -> bridge (the browser's answer)
"""

from gateway.watching.journal import Journal
from gateway.watching.monitoring import Monitoring, Seat, State

__all__ = ["Journal", "Monitoring", "Seat", "State"]
