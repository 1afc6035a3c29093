from mcp_servers.web.page import readable

HTML = b"""<html><head><title> A  page </title><style>p {}</style></head><body>
<nav><a href="/">home</a></nav><script>alert(1)</script><!-- a comment -->
<main><h1>Heading</h1><p>Some <b>bold</b> text and <a href="next">a link</a>.</p>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></main>
<footer>imprint</footer></body></html>"""


def test_a_page_becomes_markdown_without_scripts_and_navigation():
    page = readable("https://example.com/dir/page", HTML, "text/html", "utf-8")
    assert page.title == "A  page"
    assert page.text.startswith("# Heading\n\nSome **bold** text and [a link](https://example.com/dir/next).")
    assert "| 1 | 2 |" in page.text
    assert not any(word in page.text for word in ("alert", "home", "comment", "imprint", "p {}"))


def test_tags_nested_too_deep_leave_their_text():
    deep = b"<div>" * 5000 + b"the text" + b"</div>" * 5000
    assert "the text" in readable("https://example.com", deep, "text/html", None).text


def test_other_text_stays_as_it_is():
    assert readable("https://example.com", b'{"a": 1}', "application/json", None).text == '{"a": 1}'
    assert readable("https://example.com", "é".encode("latin-1"), "text/plain", "latin-1").text == "é"
    assert readable("https://example.com", b"x", "text/plain", "no-such-charset").text == "x"
    assert readable("https://example.com", b"hello.txt", "text/html", "no-such-charset").text == "hello.txt"
