"""The counts in the text format of Prometheus. Imported only when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

import psutil
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from sd35graph.server.monitoring.metrics import Histogram, Metrics
from sd35graph.server.wire import WorkersReport


def exposition(metrics: Metrics, jobs: Mapping[str, int], sockets: int, workers: WorkersReport) -> tuple[bytes, str]:
    """(content, media type) of `/metrics`. jobs: how many there are now by state."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics, jobs, sockets, workers))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Collector(Collector):
    def __init__(self, metrics: Metrics, jobs: Mapping[str, int], sockets: int, workers: WorkersReport) -> None:
        self._metrics = metrics
        self._jobs = jobs
        self._sockets = sockets
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        yield from self._counts()
        yield from self._states()

    def _counts(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "sd35graph_http_requests", "HTTP requests answered.", labels=("method", "resource", "status")
        )
        for (method, resource, status), count in self._metrics.requests.items():
            requests.add_metric((method, resource, str(status)), count)
        yield requests
        yield _histogram(
            "sd35graph_http_answer_seconds", "Until the answer to a request began.", self._metrics.answering
        )
        events = CounterMetricFamily("sd35graph_job_events", "Jobs queued, retried and ended.", labels=("event",))
        for event in ("queued", "retried", "succeeded", "failed", "cancelled"):
            events.add_metric((event,), self._metrics.jobs[event])
        yield events
        yield _histogram("sd35graph_job_run_seconds", "How long succeeded jobs ran.", self._metrics.running)

    def _states(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("sd35graph_jobs", "Jobs that wait and run.", labels=("state",))
        for state, count in self._jobs.items():
            jobs.add_metric((state,), count)
        yield jobs
        yield GaugeMetricFamily("sd35graph_sockets", "Open sockets and event streams.", value=self._sockets)
        states = GaugeMetricFamily("sd35graph_workers", "Workers by state.", labels=("state",))
        for state in ("starting", "ready", "busy", "restarting", "stopped"):
            states.add_metric((state,), sum(worker.state == state for worker in self._workers.workers))
        yield states
        restarts = sum(worker.restarts for worker in self._workers.workers)
        yield CounterMetricFamily("sd35graph_worker_restarts", "How often a worker was replaced.", value=restarts)
        memory = psutil.Process().memory_info().rss
        yield GaugeMetricFamily("sd35graph_api_memory_bytes", "Memory of the API process.", value=memory)


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    names = [*map(str, histogram.bounds), "+Inf"]
    buckets = list(zip(names, map(float, accumulate(histogram.counts)), strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.sum)
