"""The description of the intake as OpenAPI 3.1, made from the same table that events are read with."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from backoffice import VERSION
from backoffice.gateway.intake import BATCH, SINGLE
from backoffice.gateway.judging import Word
from backoffice.gateway.validator import schemas
from transactions.vocabulary import EventType

PROBLEM: Final = "application/problem+json"
MOST_EVENTS: Final = 1_000
MOST_BYTES: Final = 5 * 1024 * 1024

_NAMES: Final = {
    EventType.RECEIVED.value: "TransactionReceived",
    EventType.STAGE.value: "TransactionStage",
    EventType.SCREENING.value: "ScreeningCompleted",
    EventType.COMMAND.value: "CommandCompleted",
}
_ABOUT: Final = (
    "Events of the platform about remittances: one, or a batch of up to 1,000, as CloudEvents 1.0 in JSON, signed as"
    " Standard Webhooks. Order does not matter; the same event sent again is answered as a duplicate. Fields that are"
    ' absent, null, "", "null" or "N/A" say nothing; fields that are not described are kept and not used.'
)
_PROBLEMS: Final = {
    "400": "The body is not what it says: not JSON, not an event, or more than 1,000 events",
    "401": "No signature, a wrong one, or one older than five minutes; nothing was kept",
    "405": "Not a POST",
    "413": "The body is larger than 5 MB",
    "415": "Neither of the two content types",
    "503": "The database is not there or too busy; send the same again after Retry-After seconds",
}


@cache
def description() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "OpenRemit Backoffice: intake", "version": VERSION, "description": _ABOUT},
        "paths": {"/gateway/events": {"post": _post()}},
        "components": {"schemas": _schemas(), "securitySchemes": {"StandardWebhooks": _signature()}},
    }


def _post() -> dict[str, Any]:
    event = {"$ref": "#/components/schemas/Event"}
    problem = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers: dict[str, Any] = {
        "200": {
            "description": "One result per event, in the order of the events",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}},
        }
    }
    return {
        "operationId": "sendEvents",
        "summary": "Send one event or a batch",
        "security": [{"StandardWebhooks": []}],
        "parameters": [
            _header("webhook-id", "The id of this message; the same when it is sent again"),
            _header("webhook-timestamp", "When it was sent, in Unix seconds; five minutes either way are tolerated"),
        ],
        "requestBody": {
            "required": True,
            "content": {
                SINGLE: {"schema": event},
                BATCH: {"schema": {"type": "array", "maxItems": MOST_EVENTS, "items": event}},
            },
        },
        "responses": answers | {code: {"description": about, "content": problem} for code, about in _PROBLEMS.items()},
    }


def _header(name: str, about: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "description": about, "schema": {"type": "string"}}


def _signature() -> dict[str, Any]:
    about = 'v1,<base64 HMAC-SHA256 of "id.timestamp.body">; several, separated by spaces, while a secret is changed'
    return {"type": "apiKey", "in": "header", "name": "webhook-signature", "description": about}


def _schemas() -> dict[str, Any]:
    error = {
        "type": "object",
        "required": ["field", "message"],
        "properties": {
            "field": {"type": "string", "examples": ["data.transactionDetails.payingAmount"]},
            "message": {"type": "string", "description": "What is wrong and what to send"},
        },
    }
    result = {
        "type": "object",
        "required": ["id", "result", "errors"],
        "properties": {
            "id": {"type": "string"},
            "result": {"type": "string", "enum": [word.value for word in Word]},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Error"}},
        },
    }
    count = {"type": "integer", "minimum": 0}
    receipt = {
        "type": "object",
        "required": ["accepted", "duplicate", "rejected", "events"],
        "properties": {
            "accepted": count | {"description": "accepted and waiting"},
            "duplicate": count,
            "rejected": count | {"description": "rejected and conflict"},
            "events": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}},
        },
    }
    problem = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }
    events = {_NAMES[type_]: schema for type_, schema in schemas().items()}
    refs = {type_: f"#/components/schemas/{name}" for type_, name in _NAMES.items()}
    union = {
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "type", "mapping": refs},
    }
    return {"Event": union, **events, "Receipt": receipt, "Result": result, "Error": error, "Problem": problem}
