"""How many of what there are, as people say it."""


def plural(number: int, what: str, several: str | None = None) -> str:
    """Such as `1 row`, `2 rows`, `1,200 rows`, `0 entries` (whose plural is `several`)."""
    return f"{number:,} {what if number == 1 else several or f'{what}s'}"
