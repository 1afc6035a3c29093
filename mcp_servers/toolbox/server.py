"""The toolbox server: what a language model should not guess, computed."""

import asyncio
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from agentnet.errors import InvalidInputError
from agentnet.process.runtime import Runtime
from mcp_servers.hosting.tool_server import READ_ONLY, ToolServer
from mcp_servers.toolbox import arithmetic, clock

MAX_VALUE = 1e300

Zone = Annotated[
    str,
    Field(max_length=64, description="IANA name (Europe/Berlin), city (Tokyo) or offset (UTC+2).", examples=["Tokyo"]),
]


class Moment(BaseModel):
    """A moment in a time zone."""

    timezone: str = Field(description="IANA name of the zone, or its offset.")
    iso: str = Field(description="The moment as ISO 8601 with its offset.")
    date: str = Field(description="YYYY-MM-DD there.")
    time: str = Field(description="HH:MM:SS there.")
    weekday: str = Field(description="English name of the weekday there.")
    utc_offset: str = Field(description="Offset from UTC, +HH:MM.")


class ConvertedTime(BaseModel):
    """One moment, seen from two zones."""

    source: Moment
    target: Moment
    day_shift: int = Field(description="Days that the target's date is ahead (1) or behind (-1) the source's.")
    note: str | None = Field(
        default=None, description="Set where daylight saving skips or repeats the time at the source; tell it on."
    )


class Calculation(BaseModel):
    """The value of an expression."""

    expression: str
    result: str = Field(description="The value in decimal digits.")
    exact: bool = Field(description="False when digits were cut off, as in 1/3.")


class ConvertedUnits(BaseModel):
    """A quantity in another unit."""

    value: float
    from_unit: str
    to_unit: str
    result: float


class DateDifference(BaseModel):
    """The distance of two dates."""

    start: str
    end: str
    days: int = Field(description="Days from start to end; negative when end is before start.")
    weekdays: int = Field(description="Monday to Friday, start counted and end not; holidays are not known.")
    weeks: float = Field(description="Days divided by seven.")
    years: int = Field(description="Whole years of the distance.")
    months: int = Field(description="Whole months beyond the years.")
    remaining_days: int = Field(description="Days beyond years and months.")


def _moment(name: str, at: datetime) -> Moment:
    return Moment(
        timezone=name,
        iso=at.isoformat(timespec="seconds"),
        date=at.date().isoformat(),
        time=at.strftime("%H:%M:%S"),
        weekday=at.strftime("%A"),
        utc_offset=at.strftime("%z")[:3] + ":" + at.strftime("%z")[3:5],
    )


async def now(timezone: Zone = "UTC") -> Moment:
    """The current date, time and weekday in a time zone or city. Use it whenever an answer depends on today."""
    name, zone = clock.find_zone(timezone)
    return _moment(name, datetime.now(zone))


async def convert_time(
    time: Annotated[str, Field(max_length=32, description="Time of day at the source: 14:30 or 2:30 pm.")],
    from_timezone: Zone,
    to_timezone: Zone,
    date: Annotated[
        str | None, Field(max_length=32, description="Date at the source, YYYY-MM-DD; today when left out.")
    ] = None,
) -> ConvertedTime:
    """What a time of day in one zone or city is in another, daylight saving included. Use it to plan a meeting."""
    source_name, source = clock.find_zone(from_timezone)
    target_name, target = clock.find_zone(to_timezone)
    day = clock.parse_date(date or "today", source)
    try:
        at, note = clock.moment(day, clock.parse_time(time), source_name, source)
        there = at.astimezone(target)
    except OverflowError:
        raise InvalidInputError("The date is outside the years 1 to 9999.") from None
    return ConvertedTime(
        source=_moment(source_name, at),
        target=_moment(target_name, there),
        day_shift=(there.date() - at.date()).days,
        note=note,
    )


async def calculate(
    expression: Annotated[
        str,
        Field(
            max_length=arithmetic.MAX_CHARACTERS,
            description="Numbers with + - * / // % ** and parentheses, sqrt round abs floor ceil min max, pi, e, "
            "and percent: '15% of 80', '200 + 10%'. No thousands separators, no variables.",
            examples=["15% of 80", "round((1299.90 * 1.19), 2)"],
        ),
    ],
) -> Calculation:
    """The exact value of an arithmetic expression. Use it for every sum, product, percentage or power."""
    # Within its limits an expression may still take a while, and others wait for the loop.
    answer = await asyncio.to_thread(arithmetic.calculate, expression)
    return Calculation(expression=expression, result=answer.text, exact=answer.exact)


async def convert_units(
    value: Annotated[float, Field(ge=-MAX_VALUE, le=MAX_VALUE, description="The number in from_unit.")],
    from_unit: Annotated[str, Field(max_length=60, description="Unit of value: mile, lb, degF, km/h, MiB.")],
    to_unit: Annotated[str, Field(max_length=60, description="Unit that is wanted: km, kg, degC, m/s, byte.")],
) -> ConvertedUnits:
    """A quantity in another unit of the same kind: length, mass, temperature, speed, area, volume, energy, data."""
    result, source, target = await asyncio.to_thread(_converted, value, from_unit, to_unit)
    return ConvertedUnits(value=value, from_unit=source, to_unit=target, result=result)


def _converted(value: float, source: str, target: str) -> tuple[float, str, str]:
    from mcp_servers.toolbox import units  # pint is 0.1 s and 6 MB: by the thread of the first who converts

    return units.convert(value, source, target)


async def date_difference(
    start: Annotated[str, Field(max_length=40, description="First date, YYYY-MM-DD, or today.")],
    end: Annotated[str, Field(max_length=40, description="Second date, YYYY-MM-DD, or today.")],
) -> DateDifference:
    """How far two dates are apart: days, weekdays, weeks, years with months and days. Use it for ages and deadlines."""
    first, second = clock.parse_date(start), clock.parse_date(end)
    sign = -1 if second < first else 1
    low, high = min(first, second), max(first, second)
    years, months, days = clock.calendar_distance(low, high)
    return DateDifference(
        start=first.isoformat(),
        end=second.isoformat(),
        days=(second - first).days,
        weekdays=sign * clock.weekdays_between(low, high),
        weeks=round((second - first).days / 7, 2),
        years=years,
        months=months,
        remaining_days=days,
    )


async def create_server(runtime: Runtime) -> ToolServer:
    """The toolbox; it stands on nothing, so `runtime` is not used."""
    server = ToolServer(
        "toolbox",
        description="Current time and time zones, exact arithmetic and percentages, unit conversion, date differences.",
        instructions="Use these tools instead of computing times, dates, numbers or units yourself.",
    )
    for tool in (convert_time, calculate, convert_units, date_difference):
        server.add_tool(tool, annotations=READ_ONLY)
    # Another call has another answer.
    server.add_tool(now, annotations=READ_ONLY.model_copy(update={"idempotent_hint": False}))
    return server
