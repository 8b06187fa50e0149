"""What a run tells the world."""

from __future__ import annotations

import threading

from sd35graph.engine.events import Event
from sd35graph.engine.execution.report import Report
from sd35graph.engine.execution.trace import Place


def test_nothing_is_sent_after_the_end() -> None:
    events: list[Event] = []
    report = Report("job", events.append)
    report.send("succeeded", {})
    report.close()
    report.send("progress", {"node": "x"})  # an async node that did not notice
    assert [event.type for event in events] == ["succeeded"]


def test_events_of_several_threads_come_one_at_a_time() -> None:
    inside = threading.Semaphore(1)
    overlaps: list[Event] = []
    count = [0]

    def emit(event: Event) -> None:
        if not inside.acquire(blocking=False):
            overlaps.append(event)
            return
        for _ in range(2000):  # long enough for the other threads to get their turn
            pass
        count[0] += 1
        inside.release()

    report = Report("job", emit)
    threads = [threading.Thread(target=lambda: [report.send("progress", {}) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == []
    assert count == [2000]


def test_only_submitted_nodes_that_ran_count_as_executed() -> None:
    report = Report("job", lambda event: None)
    report.finished(Place("a", "a"), 0.1, cached=False)
    report.finished(Place("b", "b"), 0.1, cached=True)
    report.finished(Place("a.0.new1", "a", "a"), 0.1, cached=False)
    assert report.executed == ["a"]
