"""The node schemas of the last worker, kept on disk, so that the editor is usable while a new one is starting."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Mapping

from pydantic import ValidationError

from sd35graph import __version__
from sd35graph.engine.artifacts import write_whole
from sd35graph.engine.paths import UnsafePath
from sd35graph.engine.workers.protocol import WorkerConfig
from sd35graph.graph.schema import SCHEMAS, NodeSchema

logger = logging.getLogger(__name__)


class SchemaCache:
    """A file in the base folder, valid for one version of the program and one choice of packs."""

    def __init__(self, config: WorkerConfig) -> None:
        self._path = config.folders.base / ".sd35graph" / "schemas.json"
        settings = [__version__, sys.version, config.builtin, [str(pack) for pack in config.packs]]
        self._key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()

    def load(self) -> Mapping[str, NodeSchema] | None:
        """The schemas kept, None when there are none for this version and these packs."""
        try:
            kept = json.loads(self._path.read_bytes())
            return self.read(kept["schemas"]) if kept["key"] == self._key else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            logger.warning("kept schemas cannot be read; waiting for the worker", extra={"reason": str(error)})
            return None

    def read(self, schemas: object) -> Mapping[str, NodeSchema]:
        """Schemas from their JSON form."""
        return SCHEMAS.validate_python(schemas)

    def save(self, schemas: Mapping[str, NodeSchema]) -> None:
        """Keep schemas for the next start."""
        kept = {"key": self._key, "schemas": SCHEMAS.dump_python(dict(schemas), mode="json")}
        try:
            write_whole(self._path, json.dumps(kept).encode(), overwrite=True)
        except (OSError, UnsafePath) as error:
            logger.warning("the schemas cannot be kept for the next start", extra={"reason": str(error)})
