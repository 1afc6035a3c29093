"""A card as the gateway gives it out: the agent's own addresses replaced by the gateway's."""

from copy import deepcopy
from typing import Any

from cards.build import HTTP_JSON, JSONRPC

LEGACY_ADDRESSES = ("url", "preferredTransport", "protocolVersion", "additionalInterfaces")


def rewrite_card(card_json: dict[str, Any], base_url: str, older_rest_url: str | None = None) -> dict[str, Any]:
    """A copy of `card_json` (1.0, 0.3, or both at once) whose interfaces all lead to `base_url`.

    HTTP+JSON of 0.3 leads to `older_rest_url` where its paths are not free at `base_url`. Bindings that the gateway
    does not relay (GRPC) are dropped, and so are signatures. All else is kept as it is.
    """
    card = _without_signatures(deepcopy(card_json))
    addresses = _addresses(base_url, base_url)
    older = _addresses(base_url, older_rest_url or base_url)
    if "supportedInterfaces" in card:
        card["supportedInterfaces"] = _interfaces(card["supportedInterfaces"], addresses, older)
    if "url" in card:
        _rewrite_legacy(card, older)
    return card


def _addresses(base_url: str, rest_url: str) -> dict[str, str]:
    return {JSONRPC: f"{base_url.rstrip('/')}/", HTTP_JSON: rest_url.rstrip("/")}


def _without_signatures(card: dict[str, Any]) -> dict[str, Any]:
    """A signature covers the bytes that change here, so it would no longer hold. Signing anew takes this place."""
    card.pop("signatures", None)
    return card


def _interfaces(
    interfaces: list[dict[str, Any]], addresses: dict[str, str], older: dict[str, str]
) -> list[dict[str, Any]]:
    rewritten: list[dict[str, Any]] = []
    for interface in interfaces:
        is_older = str(interface.get("protocolVersion", "")).startswith("0.")
        address = (older if is_older else addresses).get(interface.get("protocolBinding", ""))
        # Two interfaces of one binding and version lead to one address now.
        if address is not None and (moved := interface | {"url": address}) not in rewritten:
            rewritten.append(moved)
    return rewritten


def _rewrite_legacy(card: dict[str, Any], addresses: dict[str, str]) -> None:
    """0.3 names one main address and lists others; the main one moves up when its binding is not relayed."""
    version = card.get("protocolVersion")
    listed = [item.get("transport") for item in card.get("additionalInterfaces") or []]
    main = card.get("preferredTransport") or JSONRPC
    relayed = [name for name in dict.fromkeys([main, *listed]) if name in addresses]
    # All of them, or a client of 0.3 would find a way past the gateway in what is left.
    for key in LEGACY_ADDRESSES:
        card.pop(key, None)
    if not relayed:
        return
    card["url"] = addresses[relayed[0]]
    card["preferredTransport"] = relayed[0]
    card["additionalInterfaces"] = [{"url": addresses[name], "transport": name} for name in relayed]
    if version is not None:
        card["protocolVersion"] = version
