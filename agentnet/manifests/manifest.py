"""A specialist is a folder: `agent.yaml` says what it is, `instructions.md` what it is told, `tools.py` and
`executor.py` are optional. Bundled specialists and a user's own go through this one loader.

A wrong key is a `ManifestError` that names file, key and the nearest right one. `manifest_schema()` is the published
JSON Schema.
"""

import difflib
import hashlib
import re
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from agentnet.errors import ManifestError, NotFoundError
from agentnet.manifests.model_settings import ModelOptions, Reasoning
from agentnet.manifests.output_schema import load_output_schema

MANIFEST_FILE = "agent.yaml"
NAME_PATTERN = r"^[a-z][a-z0-9-]{0,47}$"
RESERVED_NAMES = frozenset({"agents", "agentnet", "gateway", "registry"})
"""What the network calls its own: an MCP server of such a name would speak for it."""
SCHEMA_ID = "https://agentnet.dev/schemas/agent.schema.json"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
MAX_MODELS = 8


def _model_names(value: Any) -> tuple[str, ...]:
    """One name, several with commas between, or a list of them."""
    names = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError("must be the name of a model, or a list of names in the order of fallbacks")
    return tuple(name.strip() for name in names)


ModelNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_model_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SkillManifest(_Strict):
    """One thing the specialist can do; becomes an A2A AgentSkill and is what the registry searches."""

    id: Name = Field(description="Stable id, unique in the manifest.")
    name: str = Field(min_length=1, max_length=100, description="Name for people.")
    description: str = Field(min_length=1, max_length=2000, description="What it does and when to use it.")
    tags: list[str] = Field(default_factory=list[str], max_length=32, description="Words to find it by.")
    examples: list[str] = Field(default_factory=list[str], max_length=16, description="Requests it answers well.")
    input_modes: list[str] = Field(default_factory=list[str], description="Media types it takes, if not the agent's.")
    output_modes: list[str] = Field(default_factory=list[str], description="Media types it makes, if not the agent's.")


class Limits(_Strict):
    """What one task of this specialist may use."""

    max_turns: int = Field(default=20, ge=1, le=1000, description="Model turns of one run.")
    timeout_seconds: float = Field(default=600, gt=0, le=604800, description="Longest run, without waiting for people.")
    max_tokens: int | None = Field(default=None, ge=1, description="Model tokens of one task and all below it.")
    max_output_tokens: int | None = Field(
        default=4096, ge=16, le=1_000_000, description="Model tokens of one turn's output; null asks for no limit."
    )
    max_parallel_tools: int = Field(default=8, ge=1, le=64, description="Tool calls at once.")


class Capabilities(_Strict):
    """What clients may use of A2A with this specialist; its card says so (A2A 1.0 section 4.4.3)."""

    streaming: bool = Field(default=True, description="SendStreamingMessage and SubscribeToTask.")
    push_notifications: bool = Field(default=True, description="Webhooks that are told of a task's events.")
    extended_card: bool = Field(default=True, description="GetExtendedAgentCard.")


class ExtensionManifest(_Strict):
    """An A2A extension that the specialist speaks; becomes an AgentExtension of its card."""

    uri: str = Field(min_length=1, max_length=500, pattern=r"^\S+$", description="What clients name it by.")
    description: str = Field(default="", max_length=2000, description="What it is used for here.")
    required: bool = Field(default=False, description="Messages of clients that do not name it are refused.")
    params: dict[str, Any] = Field(default_factory=dict[str, Any], description="What the extension asks a card to say.")


class Manifest(_Strict):
    """The content of `agent.yaml`."""

    name: Name = Field(description="Name in the network, unique; the folder's name by convention.")
    description: str = Field(min_length=1, max_length=2000, description="What the specialist is for, in a sentence.")
    version: str = Field(default="1.0.0", pattern=r"^[0-9A-Za-z.+-]{1,40}$", description="Version of this definition.")
    skills: list[SkillManifest] = Field(min_length=1, max_length=64, description="What it can do.")
    model: ModelNames = Field(
        default=(),
        max_length=MAX_MODELS,
        description="Model name, or several in the order of fallbacks; unset uses AGENTNET_MODEL or the offline model.",
    )
    instructions: str = Field(default="instructions.md", description="File with the instructions.")
    mcp_servers: list[Name] = Field(default_factory=list[str], description="MCP servers it may use, by name.")
    peers: list[str] = Field(
        default_factory=list[str], description='Agents it may delegate to, by name; ["*"] means any in the registry.'
    )
    repeatable: bool = Field(
        default=False, description="With executor.py: may run again from its message after a crash."
    )
    needs_approval: list[str] = Field(
        default_factory=list[str], description="Tools whose calls a person must approve first."
    )
    approve_destructive: bool = Field(
        default=False,
        description="A person must approve calls of MCP tools that may destroy something, by their hints.",
    )
    not_repeatable: list[str] = Field(
        default_factory=list[str],
        description="Tools whose unfinished calls are asked about and never blindly repeated.",
    )
    give_up: bool = Field(
        default=True, description="Its model has the tool give_up, by which it ends a task that cannot be done."
    )
    input_modes: list[str] = Field(
        default_factory=lambda: ["text/plain", "application/json"], description="Media types."
    )
    output_modes: list[str] = Field(
        default_factory=lambda: ["text/plain", "application/json"], description="Media types."
    )
    capabilities: Capabilities = Field(default_factory=Capabilities)
    extensions: list[ExtensionManifest] = Field(
        default_factory=list[ExtensionManifest], max_length=32, description="A2A extensions that it speaks."
    )
    limits: Limits = Field(default_factory=Limits)
    output_schema: dict[str, Any] | str | None = Field(
        default=None, description="JSON Schema that every answer fits, or the file in the folder that holds it."
    )
    model_settings: ModelOptions = Field(
        default_factory=ModelOptions, description="What is asked of the model: how much to think, how freely to choose."
    )


class Specialist(BaseModel):
    """A loaded folder."""

    model_config = ConfigDict(frozen=True)

    directory: Path
    manifest: Manifest
    instructions: str
    definition: str
    """Version and content hash: what a task in flight is bound to, such as `1.0.0+3f2a91c04b7d`."""
    output_schema: dict[str, Any] | None = None
    """The form of its answers, checked."""

    @property
    def name(self) -> str:
        """Its name in the network."""
        return self.manifest.name

    @property
    def tools_file(self) -> Path | None:
        """`tools.py`, if there is one."""
        return _if_file(self.directory / "tools.py")

    @property
    def executor_file(self) -> Path | None:
        """`executor.py`, if there is one."""
        return _if_file(self.directory / "executor.py")


def manifest_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `agent.yaml`."""
    schema = Manifest.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}


def load_specialist(directory: Path) -> Specialist:
    """Load one folder. Raises `ManifestError`."""
    path = directory / MANIFEST_FILE
    manifest = _parse(path, _read(path))
    instructions_path = directory / manifest.instructions
    if not instructions_path.resolve().is_relative_to(directory.resolve()):  # also by a link: the text goes to a model
        raise ManifestError(f"{path}: instructions: {manifest.instructions!r} lies outside the folder.")
    has_executor = (directory / "executor.py").is_file()
    instructions = "" if has_executor and not instructions_path.is_file() else _read(instructions_path)
    if has_executor and manifest.output_schema is not None:
        raise ManifestError(f"{path}: output_schema: executor.py makes the answers; nobody else sees to their form.")
    schema = load_output_schema(directory, path, manifest.output_schema)
    digest = hashlib.sha256()
    # All that decides how a run goes: tasks in flight are bound to it.
    form = [manifest.output_schema] if isinstance(manifest.output_schema, str) else []
    for name in (MANIFEST_FILE, manifest.instructions, "tools.py", "executor.py", *form):
        file = directory / name
        digest.update(file.read_bytes() if file.is_file() else b"\0")
    definition = f"{manifest.version}+{digest.hexdigest()[:12]}"
    return Specialist(
        directory=directory,
        manifest=manifest,
        instructions=instructions,
        definition=definition,
        output_schema=schema,
    )


def load_specialists(directories: list[Path]) -> list[Specialist]:
    """Every specialist in `directories`, each a specialist's folder or a folder of such, by name.

    Raises `ManifestError` for a folder without any and for a name that stands twice.
    """
    found: dict[str, Specialist] = {}
    for directory in directories:
        for folder in folders_in(directory):
            specialist = load_specialist(folder)
            other = found.get(specialist.name)
            if other is not None:
                raise ManifestError(f"Two specialists are named {specialist.name!r}: {other.directory} and {folder}.")
            found[specialist.name] = specialist
    return [found[name] for name in sorted(found)]


def pick(specialists: list[Specialist], name: str) -> Specialist:
    """The specialist of that name. Raises `NotFoundError` that names the nearest."""
    for specialist in specialists:
        if specialist.name == name:
            return specialist
    names = [specialist.name for specialist in specialists]
    raise NotFoundError(
        f"There is no specialist {name!r}.", hint=nearest(name, names) or f"There are: {', '.join(names)}."
    )


def folders_in(directory: Path) -> list[Path]:
    """The specialists' folders that `directory` is or holds, by name. Raises `ManifestError` where there is none."""
    if (directory / MANIFEST_FILE).is_file():
        return [directory]
    if not directory.is_dir():
        raise ManifestError(f"{directory} is not a folder.")
    folders = sorted(path.parent for path in directory.glob(f"*/{MANIFEST_FILE}"))
    if not folders:
        raise ManifestError(f"{directory} holds no specialist.", hint=f"A specialist is a folder with {MANIFEST_FILE}.")
    return folders


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _parse(path: Path, text: str) -> Manifest:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ManifestError(f"{path}{where} is not YAML: {getattr(error, 'problem', error)}.") from None
    if not isinstance(data, dict):
        raise ManifestError(f"{path} must be a mapping of keys such as name, description and skills.")
    try:
        manifest = Manifest.model_validate(data)
    except ValidationError as error:
        raise ManifestError(f"{path}: {' '.join(_problem(item) for item in error.errors()[:5])}") from None
    ids = [skill.id for skill in manifest.skills]
    if len(set(ids)) != len(ids):
        raise ManifestError(f"{path}: skills: two skills have the same id.")
    uris = [extension.uri for extension in manifest.extensions]
    if len(set(uris)) != len(uris):
        raise ManifestError(f"{path}: extensions: two extensions have the same uri.")
    return manifest


def _problem(item: Any) -> str:
    location = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{location}: unknown key. {nearest(str(item['loc'][-1]), _keys_at(item['loc'][:-1]))}".strip()
    message = re.sub(r"^Value error, ", "", item["msg"])
    return f"{location}: {message[0].lower()}{message[1:]}."


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "skills": SkillManifest,
        "limits": Limits,
        "capabilities": Capabilities,
        "extensions": ExtensionManifest,
        "model_settings": Reasoning if "reasoning" in location else ModelOptions,
    }
    model = models.get(str(location[0]), Manifest) if location else Manifest
    return list(model.model_fields)


def nearest(word: str, choices: list[str]) -> str:
    """A sentence with the choice that `word` looks like, or all of them."""
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else (f"Known here: {', '.join(choices)}." if choices else "")


def _if_file(path: Path) -> Path | None:
    return path if path.is_file() else None
