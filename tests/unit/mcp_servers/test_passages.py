from mcp_servers.knowledge.passages import LONGEST_CHARACTERS, split, title_of

TEXT = """# Guide

First paragraph.

## Install

```
# not a heading

pip install it
```

### Linux

Second.
Third.
"""


def test_headings_and_first_lines_are_kept():
    passages = [(item.heading, item.first_line, item.text) for item in split(TEXT, markdown=True)]
    assert passages == [
        ("Guide", 3, "First paragraph."),
        ("Guide > Install", 7, "```\n# not a heading\n\npip install it\n```"),
        ("Guide > Install > Linux", 15, "Second.\nThird."),
    ]


def test_short_paragraphs_are_put_together_and_long_ones_cut():
    short = split("one\n\ntwo\n\nthree\n", markdown=False)
    long = split("word " * 1000, markdown=False)
    assert [item.text for item in short] == ["one\n\ntwo\n\nthree"]
    assert len(long) > 4 and all(len(item.text) <= LONGEST_CHARACTERS for item in long)
    assert "".join(item.text for item in long).count("word") == 1000


def test_pages_are_headings():
    assert [item.heading for item in split("one\n\f\ntwo", markdown=False)] == ["Page 1", "Page 2"]


def test_the_title_is_the_first_heading_or_the_name():
    assert title_of(TEXT, "a.md") == "Guide"
    assert title_of("plain", "a.txt") == "a.txt"


def test_an_empty_document_has_no_passages():
    assert split("", markdown=True) == split("\n\n", markdown=True) == []
