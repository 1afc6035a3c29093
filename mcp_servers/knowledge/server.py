"""The knowledge server: passages with citations from ingested documents, and the documents as resources."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote

import asyncpg
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp_types import CallToolResult, ListResourcesResult, Resource, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

from agentnet.errors import AgentNetError, NotFoundError, UnavailableError
from agentnet.ids import EVERYONE
from agentnet.process.runtime import Runtime
from mcp_servers.hosting.caller import caller, caller_of
from mcp_servers.hosting.tool_server import READ_ONLY, ToolServer, database_ready
from mcp_servers.knowledge.folders import Folder, find_folder, roots
from mcp_servers.knowledge.library import NO_DOCUMENTS, Library

SCHEME = "knowledge://"
START_SECONDS = 5.0
"""How long a start waits for the first ingestion; a longer one goes on while the server answers `not ready`."""
MAX_PASSAGES = 20
MAX_QUERY_CHARACTERS = 500
MAX_READ_CHARACTERS = 40_000
MAX_FAILURES = 20

INGEST = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

logger = logging.getLogger(__name__)


class FoundPassage(BaseModel):
    """A passage that fits the query."""

    citation: str = Field(description="[source:line], to be repeated in the answer.")
    source: str = Field(description="What `read` takes.")
    line: int = Field(description="First line of the passage.")
    heading: str
    text: str
    score: float = Field(description="0 to 1; comparable within this answer only.")


class SearchResult(BaseModel):
    """Passages, best first."""

    passages: list[FoundPassage]


class DocumentText(BaseModel):
    """Lines of a document."""

    source: str
    title: str
    first_line: int
    last_line: int
    total_lines: int
    text: str


class ListedDocument(BaseModel):
    """A document that can be searched and read."""

    source: str
    title: str
    shared: bool = Field(description="True when every tenant sees it.")
    passages: int
    characters: int
    ingested_at: datetime


class DocumentList(BaseModel):
    """The documents there are, by source."""

    documents: list[ListedDocument]


class IngestResult(BaseModel):
    """What changed."""

    added: int = Field(description="Documents that are new or have a new text.")
    unchanged: int
    removed: int = Field(description="Documents that are gone from the folder.")
    failed: list[str] = Field(description="One sentence for each document that could not be read.")
    partial: list[str] = Field(
        description="One sentence for each new document with pages that could not be read, as scanned ones."
    )


@dataclass(frozen=True, slots=True)
class KnowledgeTools:
    """The tools, each for the caller's tenant."""

    library: Library
    folders: list[Folder]

    async def search(
        self,
        context: Context[Any, Any],
        query: Annotated[
            str,
            Field(
                min_length=1,
                max_length=MAX_QUERY_CHARACTERS,
                description='A question or words. "A phrase" must stand as it is, -word must not be there.',
                examples=["How is a lease renewed?"],
            ),
        ],
        limit: Annotated[int, Field(ge=1, le=MAX_PASSAGES, description="Most passages to return.")] = 5,
    ) -> Annotated[CallToolResult, SearchResult]:
        """Find passages in the ingested documents, best first, each with a citation. Use it before answering a
        question that documents may answer, and cite what you use."""
        hits = await self.library.search(caller(context).tenant, query, limit)
        passages = [
            FoundPassage(
                citation=f"[{hit.source}:{hit.line}]",
                source=hit.source,
                line=hit.line,
                heading=hit.heading,
                text=hit.text,
                score=hit.score,
            )
            for hit in hits
        ]
        words = "\n\n".join(f"{item.citation} {item.heading}\n{item.text}" for item in passages)
        return _result(SearchResult(passages=passages), words or await self._nothing(caller(context).tenant))

    async def read(
        self,
        context: Context[Any, Any],
        source: Annotated[
            str, Field(min_length=1, max_length=500, description="A source or a citation such as [docs/guide.md:12].")
        ],
        first_line: Annotated[
            int | None, Field(ge=1, description="Line to begin with; left out: the citation's, or 1.")
        ] = None,
        lines: Annotated[int, Field(ge=1, le=2000, description="Most lines to return.")] = 400,
    ) -> Annotated[CallToolResult, DocumentText]:
        """Read a document, whole or from a line on. Use it when a passage needs its surroundings."""
        name, line = _reference(source)
        document = await self.library.document(caller(context).tenant, name)
        part = _part(document.source, document.title, document.text.split("\n"), first_line or line, lines)
        words = f"{part.title} ({part.source}, lines {part.first_line} to {part.last_line} of {part.total_lines})"
        return _result(part, f"{words}\n\n{part.text}")

    async def list_documents(self, context: Context[Any, Any]) -> Annotated[CallToolResult, DocumentList]:
        """The documents that search and read know, with their titles."""
        shelved = await self.library.documents(caller(context).tenant)
        listed = DocumentList(
            documents=[
                ListedDocument(
                    source=item.source,
                    title=item.title,
                    shared=item.shared,
                    passages=item.passages,
                    characters=item.characters,
                    ingested_at=item.ingested_at,
                )
                for item in shelved
            ]
        )
        return _result(listed, listed.model_dump_json(indent=2) if shelved else NO_DOCUMENTS)

    async def _nothing(self, tenant: str) -> str:
        """Why a search found nothing: a library without documents is the operator's to fill, not the asker's."""
        if await self.library.is_empty(tenant):
            return NO_DOCUMENTS
        return "No passage has these words; list_documents names what there is."

    async def ingest(
        self,
        context: Context[Any, Any],
        folder: Annotated[
            str, Field(max_length=500, description="A folder inside the server's knowledge folders: its name or path.")
        ],
    ) -> IngestResult:
        """Bring the Markdown, text and PDF documents of a folder up to date for you, so that search finds them."""
        found = await asyncio.to_thread(find_folder, folder, self.folders)
        done = await self.library.ingest(caller(context).tenant, found)
        for sentence in (*done.failed, *done.partial):
            logger.info("ingesting for %s: %s", caller(context).tenant, sentence)
        return IngestResult(
            added=len(done.added),
            unchanged=done.unchanged,
            removed=len(done.removed),
            failed=_shortened(done.failed),
            partial=_shortened(done.partial),
        )

    async def resource(self, source: str, context: Context[Any, Any]) -> str:
        """The text of a document."""
        try:
            return (await self.library.document(caller(context).tenant, unquote(source))).text
        except NotFoundError as error:
            raise ResourceNotFoundError(str(error)) from None

    async def listing(self, context: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Middleware that lists the caller's documents as resources; the SDK's own list knows no caller."""
        if context.method != "resources/list":
            return await call_next(context)
        shelved = await self.library.documents(caller_of(context).tenant)
        return ListResourcesResult(
            resources=[
                Resource(uri=SCHEME + quote(item.source), name=item.source, title=item.title, mime_type="text/plain")
                for item in shelved
            ]
        )


def answer_from_documents(
    question: Annotated[str, Field(max_length=MAX_QUERY_CHARACTERS, description="What you want to know.")],
) -> str:
    """Answer a question from the documents, with a citation for every statement."""
    return (
        f"Answer this from the documents: {question}\n\nSearch first, read on where a passage is too short, and say "
        "only what the documents say. Repeat the citation of each statement, such as [guide.md:12]. When they do not "
        "answer it, say so and name what you searched for."
    )


def _shortened(sentences: list[str]) -> list[str]:
    more = len(sentences) - MAX_FAILURES
    return [*sentences[:MAX_FAILURES], *([f"{more} more are in the server's log."] if more > 0 else [])]


def _result(result: BaseModel, words: str) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=words)], structured_content=result.model_dump(mode="json")
    )


def _reference(source: str) -> tuple[str, int]:
    """The source and line of a citation, a resource's URI or a plain source."""
    plain = source.strip().removeprefix("[").removesuffix("]")
    plain = unquote(plain.removeprefix(SCHEME)) if plain.startswith(SCHEME) else plain
    match = re.fullmatch(r"(.+):(\d{1,9})", plain)
    return (match[1], max(1, int(match[2]))) if match else (plain, 1)


def _part(source: str, title: str, all_lines: list[str], first_line: int, lines: int) -> DocumentText:
    first = min(first_line, len(all_lines))
    taken: list[str] = []
    size = 0
    for line in all_lines[first - 1 : first - 1 + lines]:
        size += len(line) + 1
        if taken and size > MAX_READ_CHARACTERS:
            break
        taken.append(line[:MAX_READ_CHARACTERS])
    return DocumentText(
        source=source,
        title=title,
        first_line=first,
        last_line=first + len(taken) - 1,
        total_lines=len(all_lines),
        text="\n".join(taken),
    )


async def _ingest_for_everyone(library: Library, folders: list[Folder]) -> None:
    for folder in folders:
        try:
            done = await library.ingest(EVERYONE, folder)
        except (AgentNetError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logger.warning("knowledge folder %s was not ingested: %s", folder.path, error)
            continue
        except Exception:
            # The server would never be ready.
            logger.exception("knowledge folder %s was not ingested", folder.path)
            continue
        logger.info("ingested %s: %d new, %d unchanged", folder.path, len(done.added), done.unchanged)
        for failure in done.failed:
            logger.warning("not ingested: %s", failure)
        for part in done.partial:
            logger.warning("ingested in part: %s", part)


async def create_server(runtime: Runtime) -> ToolServer:
    """The knowledge server on the database of `runtime`. Raises `UnavailableError` when that does not answer."""
    database = await runtime.database()
    folders = await asyncio.to_thread(roots, runtime.settings.knowledge_dirs)
    tools = KnowledgeTools(Library(database, folders), folders)
    answers = database_ready(database)
    done = asyncio.Event()

    async def start() -> None:
        await _ingest_for_everyone(tools.library, tools.folders)
        done.set()

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        starting = asyncio.create_task(start(), name="ingest knowledge")
        # A network that starts answers its first question from the documents.
        await asyncio.wait({starting}, timeout=START_SECONDS)
        try:
            yield
        finally:
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting

    async def ready() -> None:
        await answers()
        if not done.is_set():
            raise UnavailableError("The knowledge folders are still being ingested.")

    server = ToolServer(
        "knowledge",
        description="Search, read and cite documents: Markdown, text and PDF, ranked by full text.",
        instructions="Search first, then answer from the passages and repeat their citations, such as [guide.md:12].",
        ready=ready,
        lifespan=lifespan,
        middleware=[tools.listing],
    )
    for tool in (tools.search, tools.read, tools.list_documents):
        server.add_tool(tool, annotations=READ_ONLY)
    server.add_tool(tools.ingest, annotations=INGEST)
    server.prompt(title="Answer from the documents")(answer_from_documents)
    server.resource(
        SCHEME + "{+source}", name="document", description="The text of an ingested document.", mime_type="text/plain"
    )(tools.resource)
    return server
