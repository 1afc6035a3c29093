import asyncio

import pytest
from mcp import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from agentnet.ids import EVERYONE
from agentnet.process.runtime import Runtime
from agentnet.settings import Settings
from mcp_servers.knowledge import library as library_module
from mcp_servers.knowledge.folders import roots
from mcp_servers.knowledge.library import Library

pytestmark = pytest.mark.anyio

GUIDE = """# Operating guide

Everything that an operator needs.

## Leases

A lease is renewed by a heartbeat every few seconds.
When it expires, another replica claims the task.

## Ports

The gateway listens on port 8700.
"""


@pytest.fixture
def library(tmp_path, request):
    """A knowledge folder whose name no other test has."""
    folder = tmp_path / f"docs-{tmp_path.name}"
    folder.mkdir()
    (folder / "guide.md").write_text(GUIDE)
    (folder / "note with space.txt").write_text("The zebra stands alone.\n")
    return folder


@pytest.fixture(autouse=True)
async def nothing_from_other_tests(home):
    async with Runtime.open(Settings(home=home)) as runtime:
        database = await runtime.database()
        await database.pool.execute("DELETE FROM knowledge_documents")


async def search(client, query, **arguments):
    result = await client.call_tool("search", {"query": query, **arguments})
    assert not result.is_error, result.content
    return result.structured_content["passages"]


async def failed(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result.content
    return result.content[0].text


async def test_a_question_finds_the_passage_and_its_line(serve, tenant, library):
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        passages = await search(client, "What happens when a lease has expired?")
        text = (await client.call_tool("search", {"query": "lease"})).content[0].text
    assert passages[0]["citation"] == f"[{library.name}/guide.md:7]"
    assert passages[0]["heading"] == "Operating guide > Leases"
    assert "renewed by a heartbeat" in passages[0]["text"] and 0 < passages[0]["score"] <= 1
    assert text.startswith(f"[{library.name}/guide.md:7]")


@pytest.mark.parametrize(
    "question",
    [
        "What does the documentation say about leases?",
        "According to the docs, what is a lease?",
        "Explain leases from the manual",
        "Does the handbook mention leases?",
    ],
)
async def test_the_words_of_the_asking_outweigh_nothing_that_is_asked_for(serve, tenant, library, question):
    others = "Its manual documents this, its handbook mentions it, its docs say and explain it.\n"
    (library / "other.md").write_text(others)
    for number in range(20):  # the rarer a word, the more it counts: leases are everywhere here
        (library / f"more{number:02}.md").write_text(f"# Part {number}\n\nThe ports of {number} know one lease.\n")
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        passages = await search(client, question)
    assert passages[0]["source"] == f"{library.name}/guide.md"
    assert f"{library.name}/other.md" not in {passage["source"] for passage in passages}


async def test_a_question_about_documents_finds_those_that_have_the_word(serve, tenant, library):
    (library / "other.md").write_text("The manual of the mill is in the drawer.\n")
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        assert (await search(client, "manual"))[0]["source"] == f"{library.name}/other.md"


async def test_a_phrase_and_a_refused_word_are_obeyed(serve, tenant, library):
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        assert len(await search(client, '"another replica"')) == 1
        found = await search(client, "operator gateway -port")
    assert all("8700" not in passage["text"] for passage in found)


async def test_a_query_of_common_words_is_told_what_to_use(serve, tenant, library):
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        assert "no word to look for" in await failed(client, "search", query="what is the")
        assert await search(client, "xylophone") == []
        assert await search(client, "it's a \\ 'quoted' <-> & | ! (thing") == []


async def test_a_document_is_read_by_its_source_or_a_citation(serve, tenant, library):
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        whole = await client.call_tool("read", {"source": f"{library.name}/guide.md"})
        part = await client.call_tool("read", {"source": f"[{library.name}/guide.md:7]", "lines": 1})
        missing = await failed(client, "read", source="gude.md")
    assert whole.structured_content["text"] == GUIDE
    assert part.structured_content["text"].startswith("A lease is renewed")
    assert missing == f"There is no document 'gude.md'. Perhaps {library.name}/guide.md is meant."


@pytest.mark.parametrize("era", ["2026-07-28", "legacy"])
async def test_documents_are_resources(serve, tenant, library, era):
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant, era) as client:
        listed = (await client.list_resources()).resources
        texts = [(await client.read_resource(item.uri)).contents[0].text for item in listed]
        templates = (await client.list_resource_templates()).resource_templates
        with pytest.raises(MCPError, match="There is no document") as refused:
            await client.read_resource("knowledge://nothing.md")
        assert refused.value.error.code == (-32602 if client.protocol_version in MODERN_PROTOCOL_VERSIONS else -32002)
        assert refused.value.error.data == {"uri": "knowledge://nothing.md"}
    assert [item.title for item in listed] == ["Operating guide", "note with space.txt"]
    assert texts == [GUIDE, "The zebra stands alone.\n"]
    assert templates[0].uri_template == "knowledge://{+source}"


async def test_what_a_tenant_ingests_only_that_tenant_finds(serve, tenant, library):
    async with serve("knowledge") as empty, empty.client(tenant) as client:
        assert "AGENTNET_KNOWLEDGE_DIRS" in await failed(client, "ingest", folder=str(library))
    kept = {path: path.read_bytes() for path in library.iterdir()}
    for path in kept:
        path.unlink()
    async with serve("knowledge", knowledge_dirs=[library]) as empty:
        for path, body in kept.items():
            path.write_bytes(body)
        async with empty.client(tenant) as client:
            await client.call_tool("ingest", {"folder": library.name})
        async with empty.client(tenant) as client, empty.client(f"{tenant}-other") as other:
            assert await search(client, "zebra")
            assert not await search(other, "zebra")
            assert (await other.call_tool("list_documents", {})).structured_content["documents"] == []
            assert not (await other.list_resources()).resources
            assert "There is no document" in await failed(other, "read", source=f"{library.name}/guide.md")
            with pytest.raises(MCPError):
                await other.read_resource(f"knowledge://{library.name}/guide.md")


@pytest.mark.parametrize("named", [["b"], [], ["b", "a/below"]], ids=["another", "none", "others"])
async def test_folders_that_are_named_no_longer_are_answered_from_to_nobody(serve, tenant, tmp_path, named):
    for name in ("a", "b", "a/below"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "note.txt").write_text(f"The zebra of {name} stands alone.\n")
    async with serve("knowledge", knowledge_dirs=[tmp_path / "a"]) as first, first.client(tenant) as client:
        await client.call_tool("ingest", {"folder": "a"})
        assert {item["source"] for item in await search(client, "zebra")} == {"a/note.txt", "a/below/note.txt"}
    expected = {f"{name.rpartition('/')[2]}/note.txt" for name in named}
    async with serve("knowledge", knowledge_dirs=[tmp_path / name for name in named]) as then:
        for caller in (tenant, f"{tenant}-other"):
            async with then.client(caller) as client:
                assert {item["source"] for item in await search(client, "zebra")} == expected
                listed = (await client.call_tool("list_documents", {})).structured_content["documents"]
                assert {item["source"] for item in listed} == expected
                assert {item.name for item in (await client.list_resources()).resources} == expected
                assert "There is no document" in await failed(client, "read", source="a/note.txt")
    async with serve("knowledge", knowledge_dirs=[tmp_path / "a"]) as again, again.client(tenant) as client:
        assert {item["source"] for item in await search(client, "zebra")} == {"a/note.txt", "a/below/note.txt"}


async def test_an_own_document_stands_before_everybodys(serve, tenant, library):
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        (library / "guide.md").write_text("# Mine\n\nThe lease is mine now.\n")
        done = (await client.call_tool("ingest", {"folder": library.name})).structured_content
        passages = await search(client, "lease")
        async with served.client(f"{tenant}-other") as other:
            assert "heartbeat" in (await search(other, "lease"))[0]["text"]
    assert done == {"added": 2, "unchanged": 0, "removed": 0, "failed": [], "partial": []}
    assert [passage["text"] for passage in passages] == ["The lease is mine now."]


async def test_a_second_ingestion_takes_what_changed_and_removes_what_is_gone(serve, tenant, library):
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        await client.call_tool("ingest", {"folder": library.name})
        (library / "note with space.txt").unlink()
        (library / "guide.md").write_text("# Guide\n\nAll is new: wombats.\n")
        (library / "new.txt").write_text("plain\n")
        (library / "bad.pdf").write_bytes(b"%PDF-1.4 nonsense")
        done = (await client.call_tool("ingest", {"folder": str(library)})).structured_content
        again = (await client.call_tool("ingest", {"folder": library.name})).structured_content
        assert [passage["text"] for passage in await search(client, "wombat")] == ["All is new: wombats."]
    assert (done["added"], done["unchanged"], done["removed"]) == (2, 0, 1)
    assert done["failed"] == [f"{library.name}/bad.pdf is not a readable PDF (PdfStreamError)."]
    assert (again["added"], again["unchanged"], again["removed"]) == (0, 2, 0)


async def test_folders_outside_the_knowledge_folders_are_refused(serve, tenant, library, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "keys.txt").write_text("the secret key\n")
    (library / "link").symlink_to(tmp_path / "secret")
    (library / "keys.txt").symlink_to(tmp_path / "secret" / "keys.txt")
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        for folder in ("/etc", "../secret", str(tmp_path / "secret"), "link"):
            assert "is not a folder inside" in await failed(client, "ingest", folder=folder)
        assert await search(client, "secret key") == []


async def test_replicas_that_start_together_store_every_document_once(home, library):
    for number in range(20):
        (library / f"{number}.md").write_text(f"# Document {number}\n\nAbout number {number}.\n")
    (folder,) = roots([library])
    async with Runtime.open(Settings(home=home)) as one, Runtime.open(Settings(home=home)) as two:
        database = await one.database()
        libraries = [Library(database, [folder]), Library(await two.database(), [folder])]
        await asyncio.gather(*(replica.ingest(EVERYONE, folder) for replica in libraries))
        documents = await database.pool.fetchval("SELECT count(*) FROM knowledge_documents")
        passages = await database.pool.fetchval("SELECT count(*) FROM knowledge_passages")
    assert documents == 22 and passages == 20 + 3 + 1


async def test_a_pdf_is_found_by_its_page(serve, tenant, library):
    (library / "paper.pdf").write_bytes(pdf("Penguins walk slowly."))
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        (passage,) = await search(client, "penguin")
    assert "Penguins walk slowly." in passage["text"] and passage["source"].endswith("paper.pdf")


def pdf(text):
    """The smallest PDF that says `text`."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 6\n0000000000 65535 f \n" + table + b"trailer\n<< /Size 6 /Root 1 0 R >>\n"
    return body + head + b"startxref\n%d\n%%%%EOF\n" % len(body)


async def test_no_document_ends_the_ingestion_of_the_others(serve, tenant, library, monkeypatch):
    ways = {"a.txt": NotImplementedError, "b.txt": AssertionError("x"), "c.txt": RecursionError, "d.txt": MemoryError,
            "e.txt": OSError(5, "Input/output error"), "f.txt": UnicodeError("y")}  # fmt: skip
    read = library_module.read

    def failing(item):
        if error := ways.get(item.path.name):
            raise error
        return read(item)

    monkeypatch.setattr(library_module, "read", failing)
    for name in ways:
        (library / name).write_text("bad\n")
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        assert await search(client, "zebra")
        done = (await client.call_tool("ingest", {"folder": library.name})).structured_content
    assert done["added"] == 2
    assert [sentence.split(" ")[0] for sentence in done["failed"]] == [f"{library.name}/{name}" for name in ways]
    assert f"{library.name}/e.txt cannot be read: Input/output error." in done["failed"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search", {"query": "leases"}),
        ("search", {"query": '"a lease" -gateway'}),
        ("list_documents", {}),
        ("read", {"source": "guide.md"}),
        ("read", {"source": "[docs/guide.md:12]"}),
        ("read", {"source": "knowledge://docs/guide.md"}),
        ("ingest", {"folder": "docs"}),
    ],
)
async def test_where_no_documents_are_loaded_every_tool_names_the_setting_that_loads_them(
    serve, tenant, tool, arguments
):
    async with serve("knowledge") as served, served.client(tenant) as client:
        said = (await client.call_tool(tool, arguments)).content[0].text
    assert "AGENTNET_KNOWLEDGE_DIRS" in said
    assert "list_documents" not in said


async def test_where_there_are_documents_a_search_without_a_match_sends_to_their_list(serve, tenant, library):
    async with serve("knowledge", knowledge_dirs=[library]) as served, served.client(tenant) as client:
        said = (await client.call_tool("search", {"query": "xylophone"})).content[0].text
    assert "list_documents" in said
