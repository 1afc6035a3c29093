"""An Agent Card from a manifest, and the JSON of it that clients of A2A 1.0 and of 0.3 both read."""

from typing import Any

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    AgentExtension,
    AgentInterface,
    AgentSkill,
    APIKeySecurityScheme,
    HTTPAuthSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from agentnet.manifests.manifest import Manifest, SkillManifest
from agentnet.tasks.steps import STEPS

JSONRPC = "JSONRPC"
HTTP_JSON = "HTTP+JSON"
GRPC = "GRPC"
STEPS_DESCRIPTION = "Tells of the model turns, tool calls and delegations of a run while it works."


def build_card(
    manifest: Manifest,
    url: str,
    *,
    definition: str,
    documentation_url: str | None = None,
    push_notifications: bool = False,
    grpc_address: str | None = None,
) -> AgentCard:
    """The card (A2A 1.0) of a specialist that is reached at the base URL `url`, and over gRPC at `host:port`.

    Its version is `definition`: the manifest's version with the content hash as build metadata, so that a change of
    the definition is a change of the card.
    """
    return AgentCard(
        name=manifest.name,
        description=manifest.description,
        version=definition,
        supported_interfaces=_interfaces(url.rstrip("/"), grpc_address),
        documentation_url=documentation_url,
        capabilities=AgentCapabilities(
            streaming=manifest.capabilities.streaming,
            push_notifications=push_notifications and manifest.capabilities.push_notifications,
            extended_agent_card=manifest.capabilities.extended_card,
            extensions=_extensions(manifest),
        ),
        security_schemes=_security_schemes(),
        security_requirements=[SecurityRequirement(schemes={name: StringList()}) for name in _security_schemes()],
        default_input_modes=manifest.input_modes,
        default_output_modes=manifest.output_modes,
        skills=[_skill(skill) for skill in manifest.skills],
    )


def card_to_json(card: AgentCard) -> dict[str, Any]:
    """The card as served: the fields of 1.0, and beside them those of 0.3 when an interface speaks 0.3."""
    served: dict[str, Any] = agent_card_to_dict(card)
    if "url" in served:
        main = {"url": served["url"], "transport": served["preferredTransport"]}
        others = [item for item in served.get("additionalInterfaces", []) if item != main]
        served["additionalInterfaces"] = [main, *others]  # 0.3 section 5.5.5: the main interface SHOULD stand here too
    return served


def _interfaces(url: str, grpc_address: str | None) -> list[AgentInterface]:
    addresses = {JSONRPC: f"{url}/", HTTP_JSON: url} | ({GRPC: grpc_address} if grpc_address else {})
    return [
        AgentInterface(url=address, protocol_binding=binding, protocol_version=version)
        for version in ("1.0", "0.3")
        for binding, address in addresses.items()
    ]


def _extensions(manifest: Manifest) -> list[AgentExtension]:
    own = {extension.uri for extension in manifest.extensions}
    steps = [AgentExtension(uri=STEPS, description=STEPS_DESCRIPTION, required=False)] if STEPS not in own else []
    return steps + [
        AgentExtension(
            uri=extension.uri,
            description=extension.description,
            required=extension.required,
            params=ParseDict(extension.params, Struct()) if extension.params else None,
        )
        for extension in manifest.extensions
    ]


def _security_schemes() -> dict[str, SecurityScheme]:
    return {
        "bearer": SecurityScheme(
            http_auth_security_scheme=HTTPAuthSecurityScheme(
                scheme="Bearer", description="An API key or a service token: `Authorization: Bearer <key>`."
            )
        ),
        "apiKey": SecurityScheme(
            api_key_security_scheme=APIKeySecurityScheme(
                location="header", name="X-API-Key", description="An API key: `X-API-Key: <key>`."
            )
        ),
    }


def _skill(skill: SkillManifest) -> AgentSkill:
    return AgentSkill(
        id=skill.id,
        name=skill.name,
        description=skill.description,
        tags=skill.tags or [skill.id],  # A2A requires at least one
        examples=skill.examples,
        input_modes=skill.input_modes,
        output_modes=skill.output_modes,
    )
