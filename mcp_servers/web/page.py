"""A page as text that a model reads."""

from dataclasses import dataclass

HTML_TYPES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Readable:
    """What a page says."""

    title: str
    text: str


def readable(url: str, body: bytes, media_type: str, charset: str | None) -> Readable:
    """The title and text of the page at `url`, with full links; what is not HTML stays as it is. Blocks."""
    if media_type in HTML_TYPES:
        # By the thread that reads the first page: its parsers are 0.1 s and 8 MB, which most processes never need.
        from mcp_servers.web.markdown import from_html

        return Readable(*from_html(url, body, charset))
    try:
        text = body.decode(charset or "utf-8", "replace")
    except LookupError:
        text = body.decode("utf-8", "replace")
    return Readable("", text.replace("\0", ""))
