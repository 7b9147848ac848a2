"""The JSON schema of the configuration, with which editors complete and check YAML."""

from __future__ import annotations

import json
from typing import Any

from infodecomp.config.keys import is_named
from infodecomp.config.study import Config


def config_schema() -> str:
    """The schema as JSON text: that of `Config`, and null where an overlay may write it to remove what has a name."""
    schema = Config.model_json_schema()
    for key, value in schema["properties"].items():
        if is_named((key,)):
            if "patternProperties" in value:
                value["patternProperties"] = {name: _or_null(one) for name, one in value["patternProperties"].items()}
            if "additionalProperties" in value:
                value["additionalProperties"] = _or_null(value["additionalProperties"])
            value["type"] = ["object", "null"]
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _or_null(schema: Any) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]} if isinstance(schema, dict) else {"not": {}}
