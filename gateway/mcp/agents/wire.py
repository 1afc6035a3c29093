"""The SDK's models as they go over the wire."""

from pydantic import BaseModel

from gateway.mcp.messages.errors import Document


def dumped(model: BaseModel) -> Document:
    """A model of the SDK as it goes over the wire."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
