"""The one exception tree of the model library. Each message says what was expected, what came, and the way out."""

from __future__ import annotations


class ModelError(Exception):
    """Something about a model file, or about what a model was given, is not as it has to be."""


class FileFormatError(ModelError):
    """Not readable weights: another format, truncated, with a damaged header, or a folder that lacks something."""


class UnsupportedStorageError(ModelError):
    """The file is sound, but its numbers are stored in a form this library does not read."""


class ForeignModelError(ModelError):
    """The file is sound, but holds another kind of model than the one asked for."""


class WeightsMismatchError(ModelError):
    """Keys are missing, unexpected or have the wrong shape for the model the file claims to hold."""


class MissingPartError(ModelError):
    """The file lacks a part (text encoders, VAE) that is needed now."""


class WeightsChangedError(ModelError):
    """The file changed on disk after its handle was made."""


class FetchError(ModelError):
    """A file could not be fetched from the hub, or is not what the hub says it is."""


class TokenizerMissingError(ModelError):
    """No tokenizer files were found in any of the folders looked in."""


class ModelMemoryError(ModelError):
    """The weights do not fit into the memory of the device, even with everything else dropped."""


class InputShapeError(ModelError, ValueError):
    """A tensor given to a network has a shape the network cannot take."""
