"""The text of an HTML page as Markdown, without what is not its text. Blocks, for long where a page is large."""

import re
import warnings
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
# What sites send is not ours to mend.
warnings.filterwarnings("ignore", category=XMLParsedAsHTMLWarning)


def from_html(url: str, body: bytes, charset: str | None) -> tuple[str, str]:
    """The title and text of the page at `url`, with full links."""
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
    return title, re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _full(url: str, link: str) -> str:
    try:
        return urljoin(url, link)
    except ValueError:
        return link
