"""Run the simulated VXG by itself, with events at a given rate; says its address, the account's key and a group's token."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal

from tests.fakes.vxg import FakeVxg
from tests.fakes.vxg.faults import KINDS
from tests.fakes.vxg.life import Life, past


def _fault(text: str) -> tuple[str, str, int]:
    path, _, said = text.partition("=")
    kind, _, times = said.partition(":")
    if kind not in KINDS or (times and not times.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no PATH=KIND[:TIMES]")
    return path, kind, int(times or -1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.vxg", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--media-port", type=int, default=0, help="where pictures and videos are")
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0.0, help="events per second, of one channel after the other")
    parser.add_argument("--life", action="store_true", help="visitors come, in pictures and videos; a page shows what is written")
    parser.add_argument(
        "--pace", type=float, default=2.0, help="how busy it is with --life: at 2 some four visits a minute of each"
    )
    parser.add_argument("--late", type=float, default=3.0, help="after how many seconds an event is listed")
    parser.add_argument("--ahead", type=float, default=0.0, help="by how many seconds its clock is ahead")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="PATH=KIND[:TIMES]",
        help=f"have what begins with this path go wrong, for ever or so many times: {', '.join(KINDS)}",
    )
    parser.add_argument("--recorded", type=float, default=3600.0, help="of how many seconds before now there is recorded video")
    return parser.parse_args()


async def _happen(fake: FakeVxg, rate: float, late_s: float) -> None:
    for number in itertools.cycle(list(fake.world.channels)):
        fake.world.happen(number, "motion", late_s=late_s, thumb_s=2.0)
        await asyncio.sleep(1 / rate)


async def main() -> None:
    """Serve until told to end."""
    wanted = _arguments()
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with FakeVxg(channels=wanted.channels, port=wanted.port, media_port=wanted.media_port) as fake:
        fake.world.clock_ahead_s = wanted.ahead
        for path, kind, times in wanted.fault:
            fake.faults.add(path, kind, times)
        past(fake, wanted.recorded)
        life = Life(fake, pace=wanted.pace) if wanted.life else None
        for name, value in (("url", fake.url), ("lkey", fake.lkey), ("token", fake.group_token())):
            print(name, value, flush=True)  # noqa: T201 (what a caller waits for)
        at_work = [asyncio.create_task(life.live())] if life is not None else []
        if wanted.rate > 0:
            at_work.append(asyncio.create_task(_happen(fake, wanted.rate, wanted.late)))
        await over.wait()
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
