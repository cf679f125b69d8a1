"""A gateway process that has visits on a real database and is killed in the middle of them. Run by test_crash."""

import asyncio
import sys

from tests.billing.stage import accounting_on, granted, intent, proof, summary, usd


async def main(url: str) -> None:
    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("20.00"), key="first")
        await granted(accounting, "finished")
        await accounting.close(summary("finished", 60))
        await granted(accounting, "talking")
        await granted(accounting, "ringing")
        await accounting.attempt(intent("refused", account="", tariff=""))
        await accounting.recover("another-node", accounting._clock.now())
        seconds = 0
        while True:  # until killed: the meter runs, each second is proven before it is told
            seconds += 1
            await accounting.alive((proof("talking", seconds),))
            print(seconds, flush=True)


asyncio.run(main(sys.argv[1]))
