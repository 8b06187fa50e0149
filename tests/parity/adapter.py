"""The parity checker's interface to this project: `check.py --adapter tests/parity/adapter.py`."""

from __future__ import annotations

from adapter_models import *  # noqa: F403 - the checker looks the functions up in this module
from adapter_sampling import *  # noqa: F403
