"""A page as Markdown, without what is not its text."""

import re
import warnings
from dataclasses import dataclass
from urllib.parse import urljoin

from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from bs4.element import Comment, Tag
from markdownify import MarkdownConverter

LEFT_OUT = (
    "script",
    "style",
    "nav",
    "noscript",
    "template",
    "iframe",
    "svg",
    "form",
    "footer",
    "aside",
    "button",
    "head",
    "title",
)
HTML_TYPES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Readable:
    """What a page says."""

    title: str
    text: str


# What sites send is not ours to mend.
warnings.filterwarnings("ignore", category=XMLParsedAsHTMLWarning)


def readable(url: str, body: bytes, media_type: str, charset: str | None) -> Readable:
    """The title and text of the page at `url`, with full links; what is not HTML stays as it is. Blocks."""
    if media_type in HTML_TYPES:
        return _from_html(url, body, charset)
    try:
        text = body.decode(charset or "utf-8", "replace")
    except LookupError:
        text = body.decode("utf-8", "replace")
    return Readable("", text.replace("\0", ""))


def _from_html(url: str, body: bytes, charset: str | None) -> Readable:
    if b"<" not in body:  # the parser would warn that it looks like a file name
        body += b"<!---->"
    soup = BeautifulSoup(body, "html.parser", from_encoding=charset)
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    # What is not the text of a page only costs the model.
    for part in soup.find_all(LEFT_OUT):
        part.decompose()
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    main = soup.find("main") or soup.find("article") or soup.body or soup
    assert isinstance(main, Tag)
    for link in main.find_all("a", href=True):
        link["href"] = _full(url, str(link["href"]))
    try:
        text = MarkdownConverter(heading_style="ATX", strip=["img"]).convert_soup(main)
    except RecursionError:  # tags nested deeper than Python's stack; the bare text needs no recursion
        text = main.get_text("\n", strip=True)
    lines = (line.rstrip() for line in text.splitlines())
    return Readable(title, re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip())


def _full(url: str, link: str) -> str:
    try:
        return urljoin(url, link)
    except ValueError:
        return link
