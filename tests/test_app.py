"""What the composition root makes of the settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sd35graph.app import _worker_configs
from sd35graph.engine.execution.cache import default_cache_bytes
from sd35graph.engine.folders import Folders
from sd35graph.engine.workers.protocol import WorkerConfig
from sd35graph.settings import Settings


def configs(base: Path, **flags: Any) -> list[WorkerConfig]:
    return _worker_configs(Settings.load({"base": base, **flags}, {}), Folders.under(base))


def test_one_worker_finds_out_itself_what_there_is(tmp_path: Path) -> None:
    [only] = configs(tmp_path)
    assert (only.device, only.threads, only.cache_bytes, only.ram_bytes) == ("auto", None, None, None)
    [limited] = configs(tmp_path, ram="8GiB", vram="4GiB", cache_bytes=1000)
    assert (limited.ram_bytes, limited.vram_bytes, limited.cache_bytes) == (2**33, 2**32, 1000)


def test_several_workers_share_cores_and_memory(tmp_path: Path) -> None:
    first, second, third, gpu = configs(tmp_path, devices="cpu,cpu,cpu,cuda:0", ram="8GiB")
    assert first == second == third
    assert first.threads == max(1, (os.cpu_count() or 1) // 3)
    assert gpu.threads is None
    assert {config.ram_bytes for config in (first, gpu)} == {2**31}
    assert first.cache_bytes == default_cache_bytes() // 4


def test_only_workers_of_one_gpu_share_its_memory(tmp_path: Path) -> None:
    sizes = [config.vram_bytes for config in configs(tmp_path, devices="cuda:0,cuda:1,cuda:0", vram="6GiB")]
    assert sizes == [3 * 2**30, 6 * 2**30, 3 * 2**30]
