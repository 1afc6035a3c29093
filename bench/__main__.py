"""`python -m bench [NAME …] [--quick]`: run the benchmarks and write bench/results/."""

import argparse
import importlib
import os
import sys
import time
from pathlib import Path

import psutil
import uvloop

from bench.machine import machine, moment
from bench.meter import machine_seconds
from bench.plan import Benchmark, Plan
from bench.processes import LOAD_CORE, Bed, pin
from bench.report import RESULTS, Result, write
from bench.servers import raise_file_limit

NAMES = (
    "blocking",
    "chunks",
    "streams",
    "first_event",
    "history",
    "subscribers",
    "pauses",
    "takeover",
    "startup",
    "agent_runs",
    "a2a_relay",
    "mcp_relay",
    "mcp_list",
    "listing",
    "registry",
)


def main() -> None:
    """Run what is named, or everything."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"Of: {', '.join(NAMES)}. Unset: all.")
    parser.add_argument("--quick", action="store_true", help="A few minutes in all: fewer rounds and smaller peers.")
    parser.add_argument("--out", type=Path, default=RESULTS, help="Directory for the results.")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(NAMES)}.")
    raise_file_limit()
    uvloop.run(_run(options.names or list(NAMES), quick=options.quick, out=options.out))


async def _run(names: list[str], *, quick: bool, out: Path) -> None:
    if not pin(LOAD_CORE):
        _say("Processes cannot be kept on cores here: servers, PostgreSQL and load share what there is.")
    failed: list[str] = []
    missed: list[str] = []
    for name in names:
        async with Bed.open() as bed:
            benchmark: Benchmark = importlib.import_module(f"bench.{name}").run
            _say(f"{name}:")
            result = await _measured(benchmark, Plan(bed, quick, _say), failed, name)
        if result is not None:
            write([result], out)
            missed += [verdict.what for verdict in result.verdicts if not verdict.reached]
            for verdict in result.verdicts:
                _say(f"  {'reached' if verdict.reached else 'MISSED '} {verdict.what}: {verdict.measured}")
    _say(f"Written to {out}.")
    if failed:
        sys.exit(f"These did not run to their end: {', '.join(failed)}")
    if missed:
        sys.exit(f"These targets were missed: {'; '.join(missed)}")


async def _measured(benchmark: Benchmark, plan: Plan, failed: list[str], name: str) -> Result | None:
    began, used, own = time.monotonic(), machine_seconds(), _own_seconds(plan)
    try:
        result = await benchmark(plan)
    except Exception as error:  # noqa: BLE001 - one benchmark that fails must not take the others' figures along
        _say(f"  failed: {type(error).__name__}: {error}")
        failed.append(name)
        return None
    seconds = time.monotonic() - began
    result.facts = {
        "measured": moment(),
        "took": f"{seconds:.0f} s",
        "thoroughness": "quick" if plan.quick else "full",
        "others used": f"{max(0.0, machine_seconds() - used - (_own_seconds(plan) - own)) / seconds:.2f} cores",
        "load average at the end": f"{os.getloadavg()[0]:.1f}",
        **machine(),
        **{f"PostgreSQL {key}": value for key, value in (await plan.bed.settings()).items()},
    }
    return result


def _own_seconds(plan: Plan) -> float:
    """CPU of this process, of the children that it has waited for, and of PostgreSQL."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system) + plan.bed.cpu_seconds()


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
