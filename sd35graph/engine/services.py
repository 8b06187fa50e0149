"""What the engine offers running nodes on this machine: files, artifacts and the resources of packs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.folders import Folders
from sd35graph.graph.context import Artifact, ArtifactFolder, ResourceFactory, WorkerEnvironment
from sd35graph.graph.loaded import HoldsModels, LoadedModel


class Resources:
    """The shared objects packs declared, each made at its first use."""

    def __init__(self, factories: Mapping[type, ResourceFactory], environment: WorkerEnvironment) -> None:
        self._factories = factories
        self._environment = environment
        self._made: dict[type, object] = {}
        self._lock = Lock()

    def knows(self, kind: type) -> bool:
        """Whether a pack declared a resource of this type."""
        return kind in self._factories

    def get(self, kind: type) -> object:
        """The object of this type. Raises `KeyError` when no pack declared it."""
        with self._lock:
            if kind not in self._made:
                if kind not in self._factories:
                    raise KeyError(f"no pack declares the resource {kind.__name__}; add it to Pack(resources=…)")
                self._made[kind] = self._factories[kind](self._environment)
            return self._made[kind]

    def release(self) -> None:
        """Let every object that has a method `release` free its memory; they stay usable."""
        with self._lock:
            made = list(self._made.values())
        for resource in made:
            release = getattr(resource, "release", None)
            if callable(release):
                release()

    def loaded_models(self) -> list[LoadedModel]:
        """The networks in memory. Nothing is made for it, and it does not wait for what is being made."""
        holders = [made for made in list(self._made.values()) if isinstance(made, HoldsModels)]
        return [model for holder in holders for model in holder.loaded_models()]


class LocalServices:
    """The engine's `Services` on the folders of this machine."""

    def __init__(self, folders: Folders, artifacts: ArtifactStore, resources: Resources) -> None:
        self._folders = folders
        self._artifacts = artifacts
        self._resources = resources

    def save(self, folder: ArtifactFolder, prefix: str, suffix: str, write: Callable[[BinaryIO], object]) -> Artifact:
        """See `ArtifactStore.save`."""
        return self._artifacts.save(folder, prefix, suffix, write)

    def file(self, source: str, name: str) -> Path:
        """See `Folders.file`."""
        return self._folders.file(source, name)

    def file_fingerprint(self, source: str, name: str) -> str:
        """See `Folders.file_fingerprint`."""
        return self._folders.file_fingerprint(source, name)

    def folder_fingerprint(self, source: str) -> str:
        """See `Folders.folder_fingerprint`."""
        return self._folders.folder_fingerprint(source)

    def resource(self, kind: type) -> object:
        """See `Resources.get`."""
        return self._resources.get(kind)
