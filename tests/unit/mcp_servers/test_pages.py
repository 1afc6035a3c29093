"""PDFs as they are: whatever reading one does, it is told in one line, and what can be read of it is."""

import os

import pytest

from agentnet.errors import InvalidInputError, TooLargeError
from mcp_servers.knowledge import folders, pages
from mcp_servers.knowledge.folders import Located, read
from mcp_servers.knowledge.pages import read_pages

FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
PICTURE = b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /Length 1 >>\nstream\nx\nendstream"
TEXT = "text"
SCAN = "scan"
BLANK = "blank"
BROKEN = "broken"


def stream(body, more=b""):
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(body), more, body)


def content(kind, number):
    said = b"BT /F1 12 Tf 72 720 Td (Penguins of page %d) Tj ET" % number
    if kind == BROKEN:
        return stream(said, b"/Filter /FooDecode")
    return stream({TEXT: said, SCAN: b"/Im Do", BLANK: b""}[kind])


def pdf(*kinds, trailer=b"", catalog=b"", tree=b"/Kids [%s]"):
    """A PDF with a page of each kind."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog, b"", FONT, PICTURE]
    refs = []
    for number, kind in enumerate(kinds, start=1):
        objects.append(content(kind, number))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> %s >> >>"
            % (len(objects), b"/XObject << /Im 4 0 R >>" if kind == SCAN else b"")
        )
        refs.append(b"%d 0 R" % len(objects))
    kids = tree % b" ".join(refs) if b"%s" in tree else tree
    objects[1] = b"<< /Type /Pages %s /Count %d >>" % (kids, len(kinds))
    body, offsets = b"%PDF-1.4\n", []
    for number, item in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size + table
    return (
        body + head + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(body))
    )


def document(tmp_path, body, name="a.pdf"):
    path = tmp_path / name
    path.write_bytes(body)
    return read(Located(f"docs/{name}", path))


def test_pages_are_read_in_their_order(tmp_path):
    found = document(tmp_path, pdf(TEXT, BLANK, TEXT))
    assert [passage.heading for passage in found.passages] == ["Page 1", "Page 3"]
    assert not found.missing


@pytest.mark.parametrize(
    ("kinds", "missing"),
    [
        ((TEXT, SCAN), "docs/a.pdf: 1 of 2 pages is a picture without text (2)."),
        ((SCAN, SCAN, TEXT), "docs/a.pdf: 2 of 3 pages are pictures without text (1, 2)."),
        ((TEXT, BROKEN), "docs/a.pdf: 1 of 2 pages cannot be read (2)."),
        ((BROKEN, TEXT, SCAN), "1 of 3 pages is a picture without text (3) and 1 of 3 pages cannot be read (1)."),
        ((TEXT, *[SCAN] * 9), "(2, 3, 4, 5, 6 and others)"),
    ],
)
def test_pages_that_are_missing_are_told(tmp_path, kinds, missing):
    found = document(tmp_path, pdf(*kinds))
    assert missing in found.missing and "Penguins" in found.text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (pdf(SCAN), "has no text on its 1 page: it is scanned"),
        (pdf(SCAN, BLANK, SCAN), "has no text on its 3 pages: it is scanned"),
        (pdf(BLANK), "has no text on its 1 page: it is empty"),
        (pdf(BROKEN), r"is not a readable PDF \(\w+\)"),
        (b"%PDF-1.4 nonsense", r"is not a readable PDF \(\w+\)"),
        (b"", r"is not a readable PDF \(\w+\)"),
        (b"GIF89a", r"is not a readable PDF \(\w+\)"),
        (pdf(TEXT)[:200], r"is not a readable PDF \(\w+\)"),
        (pdf(TEXT, trailer=b"/Encrypt << /Filter /Foo /V 9 >>"), r"is not a readable PDF \(\w+\)"),
        (pdf(TEXT, tree=b"/Kids [2 0 R]"), "a.pdf"),
        (pdf(TEXT, tree=b"/Kids 7"), "a.pdf"),
        (pdf(TEXT, tree=b"/Kids [99 0 R]"), "a.pdf"),
        (pdf(TEXT).replace(b"/Pages 2 0 R", b"/Pages (x)  "), "a.pdf"),
    ],
)
def test_a_bad_pdf_is_one_line(tmp_path, body, why):
    with pytest.raises(InvalidInputError, match=why) as told:
        document(tmp_path, body)
    assert "\n" not in str(told.value) and "docs/a.pdf" in str(told.value)


def test_a_pdf_that_is_never_read_to_its_end_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "SECONDS", 0.3)
    path = tmp_path / "endless.pdf"
    os.mkfifo(path)
    with pytest.raises(TooLargeError, match="takes more than"):
        read_pages(path, "docs/endless.pdf")


def test_too_many_pages_are_refused_with_the_limit(tmp_path):
    with pytest.raises(TooLargeError, match="has 501 pages; the limit is 500"):
        document(tmp_path, pdf(*[BLANK] * 501))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("é\n".encode(), "é\n"),
        ("é\n".encode("utf-8-sig"), "é\n"),
        ("é\n".encode("cp1252"), "é\n"),
        ("“é”\n".encode("cp1252"), "“é”\n"),
        ("é\n".encode("utf-16"), "é\n"),
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
    ],
)
def test_text_is_read_in_what_it_was_written_in(tmp_path, body, text):
    assert document(tmp_path, body, "a.txt").text == text


@pytest.mark.parametrize("body", [b"\x00\xff\xfe\x81", b"\x81\x8d", bytes(range(256))])
def test_bytes_that_are_no_text_are_told(tmp_path, body):
    with pytest.raises(InvalidInputError, match=r"docs/a\.txt is not text in UTF-8"):
        document(tmp_path, body, "a.txt")


def test_a_link_to_itself_and_a_name_that_is_no_text_do_not_end_a_listing(tmp_path):
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("x")
    (folder,) = folders.roots([tmp_path])
    assert [item.source.rpartition("/")[2] for item in folder.documents()] == ["caf?.md"]
