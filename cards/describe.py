"""What the registry knows of an agent, taken from its card: the entry, and the words that it is found by."""

from typing import Any

from agentnet.discovery.directory import Entry

MAX_WORDS_BYTES = 16 * 1024


def entry_words(card_json: dict[str, Any]) -> str:
    """The card's text for search, at most 16 KiB: what tells most of every skill first, examples last."""
    skills = _skills(card_json)
    parts: list[str] = []
    for skill in skills:
        parts += [skill.get("id", ""), skill.get("name", ""), *skill.get("tags", [])]
    parts += [skill.get("description", "") for skill in skills]
    for skill in skills:
        parts += skill.get("examples", [])
    return _shortened("\n".join(part for part in parts if part))


def entry_from_card(card_json: dict[str, Any], url: str, instance: str, tenant: str) -> Entry:
    """The entry under which the replica `instance` of the agent is registered; `url` is its base URL."""
    return Entry(
        kind="agent",
        name=card_json["name"],
        instance=instance,
        tenant=tenant,
        url=url,
        description=card_json.get("description", ""),
        skills=[skill["id"] for skill in _skills(card_json)],
        words=entry_words(card_json),
        document=card_json,
    )


def _skills(card_json: dict[str, Any]) -> list[dict[str, Any]]:
    return list(card_json.get("skills", []))


def _shortened(text: str) -> str:
    if len(text.encode()) <= MAX_WORDS_BYTES:
        return text
    # The limit is in bytes: a character may be cut, and with it goes its word.
    cut = text.encode()[:MAX_WORDS_BYTES].decode(errors="ignore")
    return cut.rsplit(maxsplit=1)[0]
