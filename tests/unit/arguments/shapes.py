"""Schemas of tools in the shapes that MCP servers in use have; each with arguments that a model may give, and what the
tool gets of them."""

from typing import Any

DEFS = "#/$defs/"
DEEP: dict[str, Any] = {"type": "string", "description": "the bottom"}
for _level in range(30):
    DEEP = {"type": "object", "properties": {f"l{_level}": DEEP}}
WIDE = {f"field_{number}": {"type": "string", "description": "One of many. " * 12} for number in range(400)}
BOMB = {f"d{n}": {"type": "object", "properties": {x: {"$ref": f"{DEFS}d{n + 1}"} for x in "abcd"}} for n in range(20)}
COUNTRIES = [f"C{number:03}" for number in range(300)]

Shape = tuple[Any, dict[str, Any], dict[str, Any]]

SHAPES: dict[str, Shape] = {
    "nothing at all": ({}, {}, {}),
    "an object without properties": ({"type": "object"}, {}, {}),
    "properties that are null": ({"type": "object", "properties": None, "required": None}, {}, {}),
    "the draft of zod": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "required": ["path"],
            "additionalProperties": False,
        },
        {"path": "/tmp"},
        {"path": "/tmp"},
    ),
    "integers of zod 4": (
        {
            "type": "object",
            "properties": {
                "page": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991},
                "size": {"type": "integer", "minimum": -9007199254740991, "maximum": 100, "default": 30},
            },
        },
        {"page": 1},
        {"page": 1},
    ),
    "a reference to a definition": (
        {
            "type": "object",
            "properties": {"at": {"$ref": "#/$defs/Point", "description": "Where."}},
            "required": ["at"],
            "$defs": {"Point": {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}}}},
        },
        {"at": {"x": "1.5", "y": 2}},
        {"at": {"x": 1.5, "y": 2}},
    ),
    "a reference into another field": (
        {
            "type": "object",
            "properties": {
                "from": {"type": "string", "format": "date"},
                "to": {"$ref": "#/properties/from"},
                "with/slash": {"type": "integer"},
                "by": {"$ref": "#/properties/with~1slash"},
            },
        },
        {"to": "2026-11-30", "by": "3"},
        {"to": "2026-11-30", "by": 3},
    ),
    "a tree that refers to itself": (
        {
            "$ref": "#/definitions/Block",
            "definitions": {
                "Block": {
                    "type": "object",
                    "properties": {
                        "text": {"type": "string"},
                        "children": {"type": "array", "items": {"$ref": "#/definitions/Block"}},
                    },
                    "required": ["text"],
                }
            },
        },
        {"text": "a", "children": [{"text": "b", "children": [{"text": 5}]}]},
        {"text": "a", "children": [{"text": "b", "children": [{"text": "5"}]}]},
    ),
    "a root that refers to itself": (
        {
            "type": "object",
            "properties": {"and": {"type": "array", "items": {"$ref": "#"}}, "field": {"type": "string"}},
        },
        {"and": [{"field": "x"}]},
        {"and": [{"field": "x"}]},
    ),
    "references in a circle": (
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/A"}},
            "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}},
        },
        {"a": 1},
        {"a": 1},
    ),
    "references to nowhere": (
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/Gone"}, "b": {"$ref": "https://example.com/schemas/b.json"}},
        },
        {"a": "x"},
        {"a": "x"},
    ),
    "a fan of references": (
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": {**BOMB, "d20": {"type": "string"}}},
        {"a": {}},
        {"a": {}},
    ),
    "a choice at the root": (
        {
            "type": "object",
            "anyOf": [
                {"properties": {"content": {"type": "string"}}, "required": ["content"]},
                {"properties": {"source_url": {"type": "string", "format": "uri"}}, "required": ["source_url"]},
            ],
        },
        {"source_url": "https://example.com"},
        {"source_url": "https://example.com"},
    ),
    "kinds at the root": (
        {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}},
                    "required": ["kind", "radius"],
                },
                {
                    "type": "object",
                    "properties": {"kind": {"const": "square"}, "side": {"type": "number"}},
                    "required": ["kind", "side"],
                },
            ]
        },
        {"kind": "square", "side": "2"},
        {"kind": "square", "side": 2},
    ),
    "one of two fields is needed": (
        {
            "type": "object",
            "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
            "anyOf": [{"required": ["id"]}, {"required": ["name"]}],
        },
        {"name": "x"},
        {"name": "x"},
    ),
    "parts at the root": (
        {
            "allOf": [
                {"$ref": "#/$defs/Base"},
                {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
            ],
            "$defs": {"Base": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}},
        },
        {"id": "7", "title": "x"},
        {"id": 7, "title": "x"},
    ),
    "a condition at the root": (
        {
            "type": "object",
            "properties": {"mode": {"type": "string", "enum": ["fast", "full"]}, "size": {"type": "integer"}},
            "required": ["mode"],
            "allOf": [{"if": {"properties": {"mode": {"const": "full"}}}, "then": {"required": ["size"]}}],
        },
        {"mode": "full", "size": 3},
        {"mode": "full", "size": 3},
    ),
    "optional fields of pydantic": (
        {
            "type": "object",
            "properties": {
                "query": {"title": "Query", "type": "string"},
                "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "title": "Limit"},
                "tags": {"anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}], "default": None},
            },
            "required": ["query"],
        },
        {"query": "x", "limit": "5", "tags": None},
        {"query": "x", "limit": 5, "tags": None},
    ),
    "lists of types": (
        {
            "type": ["object", "null"],
            "properties": {
                "value": {"type": ["string", "number", "boolean"]},
                "note": {"type": ["string", "null"]},
                "ids": {"type": ["array", "string"], "items": {"type": "integer"}},
            },
            "required": ["note"],
        },
        {"value": 5, "ids": [1]},
        {"value": 5, "note": None, "ids": [1]},
    ),
    "no types": (
        {"type": "object", "properties": {"payload": {}, "any": True, "date": {"description": "The date."}}},
        {"payload": {"a": [1]}, "any": 3, "date": "today"},
        {"payload": {"a": [1]}, "any": 3, "date": "today"},
    ),
    "a list without items": (
        {"type": "object", "properties": {"rows": {"type": "array"}, "grid": {"type": "array", "items": {}}}},
        {"rows": [1, "a"], "grid": [[1]]},
        {"rows": [1, "a"], "grid": [[1]]},
    ),
    "a list of places": (
        {
            "type": "object",
            "properties": {
                "span": {"type": "array", "items": [{"type": "integer"}, {"type": "integer"}]},
                "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]},
            },
        },
        {"span": [1, 2], "pair": ["a", 1.5]},
        {"span": [1, 2], "pair": ["a", 1.5]},
    ),
    "values that are no texts": (
        {
            "type": "object",
            "properties": {
                "level": {"type": "integer", "enum": [1, 2, 3]},
                "size": {"enum": ["s", "m", "", None]},
                "mixed": {"enum": ["auto", 1, True]},
                "fixed": {"const": "v1"},
                "on": {"type": "boolean", "enum": [True]},
                "list": {"type": "array", "items": {"type": "string"}, "enum": [["a"], ["b"]]},
            },
        },
        {"level": "2", "size": "S", "mixed": "1"},
        {"level": 2, "size": "s", "mixed": 1},
    ),
    "very many values": (
        {"type": "object", "properties": {"country": {"type": "string", "enum": [*COUNTRIES, "C001"]}}},
        {"country": "c299"},
        {"country": "C299"},
    ),
    "a union of constants": (
        {
            "type": "object",
            "properties": {
                "order": {
                    "anyOf": [
                        {"type": "string", "const": "asc", "description": "Smallest first."},
                        {"type": "string", "const": "desc", "description": "Largest first."},
                    ],
                    "description": "How to sort.",
                }
            },
        },
        {"order": "DESC"},
        {"order": "desc"},
    ),
    "a union of objects": (
        {
            "type": "object",
            "properties": {
                "parent": {
                    "oneOf": [
                        {"type": "object", "properties": {"page_id": {"type": "string"}}, "required": ["page_id"]},
                        {
                            "type": "object",
                            "properties": {"database_id": {"type": "string"}},
                            "required": ["database_id"],
                        },
                    ],
                    "description": "Where it goes.",
                }
            },
            "required": ["parent"],
        },
        {"parent": '{"database_id": "d1"}'},
        {"parent": {"database_id": "d1"}},
    ),
    "patterns, formats and lengths": (
        {
            "type": "object",
            "properties": {
                "email": {"type": "string", "format": "email", "pattern": r"^(?!\.)(?!.*\.\.)[^@]+@[^@]+$"},
                "year": {"type": "string", "pattern": r"\d{4}", "minLength": 4, "maxLength": 4},
                "when": {"type": "string", "format": "date-time"},
                "body": {"type": "string", "maxLength": 10000, "contentMediaType": "text/html"},
                "ids": {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                    "maxItems": 100,
                    "uniqueItems": True,
                },
            },
        },
        {"email": "a@b.c", "year": 2026, "ids": '["x"]'},
        {"email": "a@b.c", "year": "2026", "ids": ["x"]},
    ),
    "a map": (
        {
            "type": "object",
            "properties": {
                "env": {"type": "object", "additionalProperties": {"type": "string"}},
                "labels": {"type": "object", "patternProperties": {"^x-": {"type": "string"}}},
                "headers": {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}, "additionalProperties": True},
            },
            "additionalProperties": {"type": "integer"},
        },
        {"env": {"A": 1}, "other": "5"},
        {"env": {"A": "1"}, "other": 5},
    ),
    "names that hosts refuse": (
        {
            "type": "object",
            "properties": {
                "$filter": {"type": "string"},
                "filter": {"type": "string"},
                "filter[name]": {"type": "string"},
                "projects.any": {"type": "string"},
                "Account Number": {"type": "integer"},
                "größe": {"type": "number"},
                "2fa": {"type": "boolean"},
                "settings__" * 9: {"type": "string"},
            },
            "required": ["Account Number"],
        },
        {"Account_Number": "7", "filter": "b", "filter_name": "c", "projects_any": "d", "_2fa": "true"},
        {"Account Number": 7, "filter": "b", "filter[name]": "c", "projects.any": "d", "2fa": True},
    ),
    "keywords in odd places": (
        {
            "type": "object",
            "properties": {
                "parents": {"type": "array", "items": "string"},
                "type": "object",
                "name": {"type": "string", "properties": {}, "required": ["x"]},
                "old": {"type": "string", "required": True},
            },
            "required": ["parents", "parents", "gone", 7],
        },
        {"parents": ["a"], "name": "b", "old": "c", "gone": 1},
        {"parents": ["a"], "name": "b", "old": "c", "gone": 1},
    ),
    "types of other languages": (
        {
            "type": "Object",
            "properties": {
                "a": {"type": "str"},
                "b": {"type": "int"},
                "c": {"type": "FLOAT"},
                "d": {"type": "bool"},
                "e": {"type": "dict"},
                "f": {"type": "list"},
                "g": {"type": "any"},
                "h": {"type": "file"},
                "i": {"type": "null"},
            },
        },
        {"a": "x", "b": "1"},
        {"a": "x", "b": 1},
    ),
    "nullable of OpenAPI": (
        {
            "type": "object",
            "properties": {
                "a": {"type": "string", "nullable": True, "example": "x"},
                "b": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
            },
            "required": ["a", "b"],
        },
        {"b": 1},
        {"a": None, "b": 1},
    ),
    "nested thirty deep": (DEEP, {"l29": {"l28": {}}}, {"l29": {"l28": {}}}),
    "four hundred fields": ({"type": "object", "properties": WIDE}, {"field_7": "x"}, {"field_7": "x"}),
    "characters that nobody sees": (
        {
            "type": "object",
            "description": "half \ud83d of one",
            "properties": {
                "a": {"type": "string", "description": "\x00tag \U000e0041 and\u0007 bell", "enum": ["x\x00", "y"]}
            },
        },
        {"a": "y"},
        {"a": "y"},
    ),
    "words that are none": (
        {
            "type": "object",
            "title": 7,
            "description": ["x"],
            "properties": {"a": {"type": "string", "description": {"en": "x"}, "title": None, "default": float("nan")}},
        },
        {"a": "y"},
        {"a": "y"},
    ),
    "a date with a default and examples": (
        {
            "type": "object",
            "properties": {
                "day": {
                    "type": "string",
                    "format": "date",
                    "default": "2026-01-01",
                    "examples": ["2026-11-30", "today"],
                },
                "old": {"type": "string", "deprecated": True, "not": {"enum": ["x"]}},
            },
            "dependentRequired": {"old": ["day"]},
            "minProperties": 1,
        },
        {"day": "2026-02-02"},
        {"day": "2026-02-02"},
    ),
    "unevaluated": (
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}},
            "unevaluatedProperties": False,
            "$defs": {"unused": {"type": "string"}},
            "$id": "https://example.com/tool",
            "$comment": "made by a machine",
        },
        {"a": 5.0},
        {"a": 5},
    ),
}
