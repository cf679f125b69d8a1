"""A gateway process that has visits on a real database and is killed in the middle of them. Run by test_crash.

python -m tests.billing.doomed_node URL talk         a visit that talks, one that rings, one refused, one finished
python -m tests.billing.doomed_node URL churn RUN    eight visits at a time that begin, are granted slices, live and end
"""

import asyncio
import itertools
import sys

from gateway.billing.accounting import Accounting
from gateway.billing.rules import AccountRules
from gateway.call.summary import HoldGranted
from tests.billing.stage import WHOLE_VISITS, accounting_on, granted, intent, proof, summary, usd

SLICES = AccountRules(slice_s=10, least_slice_s=5, low_balance="0")


async def talk(accounting: Accounting) -> None:
    await granted(accounting, "finished")
    await accounting.close(summary("finished", 60))
    await granted(accounting, "talking")
    await granted(accounting, "ringing")
    await accounting.attempt(intent("refused", account="", tariff=""))
    for seconds in itertools.count(1):  # until killed: the meter runs, each second is proven before it is told
        await accounting.alive((proof("talking", seconds),))
        print(seconds, flush=True)


async def churn(accounting: Accounting, run: str) -> None:
    await accounting.recover("node1", accounting._clock.now())
    async with asyncio.TaskGroup() as group:
        for lane in range(8):
            group.create_task(churn_lane(accounting, f"{run}-{lane}"))


async def churn_lane(accounting: Accounting, name: str) -> None:
    for number in itertools.count():
        visit_id = f"{name}-{number}"
        await granted(accounting, visit_id, max_seconds=60)
        print(visit_id, flush=True)
        for has_s in (10, 20):
            assert isinstance(await accounting.extend(visit_id, has_s), HoldGranted)
        await accounting.alive((proof(visit_id, 20),))
        await accounting.close(summary(visit_id, 30))


async def main(url: str, what: str, run: str = "") -> None:
    async with accounting_on(url, rules=SLICES if what == "churn" else WHOLE_VISITS) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("500.00"), key="first")
        await (churn(accounting, run) if what == "churn" else talk(accounting))


asyncio.run(main(*sys.argv[1:]))
