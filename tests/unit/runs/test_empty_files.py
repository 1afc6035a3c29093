"""A file without a byte is a file: the model is told of it like of any other."""

from types import SimpleNamespace
from typing import Any

import pytest
from a2a.types.a2a_pb2 import Message, Part

from agentnet.files.store import FileRef
from agentnet.runs.attachments import seen
from agentnet.runs.conversation import as_input

pytestmark = pytest.mark.anyio

LEASED: Any = SimpleNamespace(tenant="t", lease=SimpleNamespace(task_id=None))


class Files:
    """Keeps nothing, and says what it was given."""

    async def put(self, tenant: str, name: str, media_type: str, body: bytes, task_id: object = None) -> FileRef:
        return FileRef("ab" * 16, name, media_type, len(body))


FILES: Any = Files()


@pytest.mark.parametrize(
    ("name", "media_type", "body"),
    [
        ("empty.csv", "text/csv", b""),
        ("empty.xlsx", "application/octet-stream", b""),
        ("empty.txt", "text/plain", b""),
        ("full.csv", "text/csv", b"a,b\n"),
    ],
)
async def test_each_attached_file_is_listed(name: str, media_type: str, body: bytes) -> None:
    message = Message(parts=[Part(text="What is in it?"), Part(raw=body, filename=name, media_type=media_type)])
    item = await as_input(message, FILES, LEASED)
    assert f"- {name} ({media_type}, {len(body)} bytes): agentnet-file:" in item["content"]


async def test_a_pdf_that_the_model_does_not_take_is_told_with_what_to_do() -> None:
    message = Message(parts=[Part(text="What is in it?"), Part(raw=b"%PDF-1.7", filename="invoice.pdf")])
    found = await seen(message, FILES, LEASED, None)
    item = await as_input(message, FILES, LEASED, found)
    assert "[invoice.pdf is a PDF and was not read: put it into a folder that `agentnet up" in item["content"]
