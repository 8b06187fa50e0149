import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import ClauseElement, event, update
from sqlalchemy.dialects import postgresql

from sd35graph.engine.events import Event, JobError
from sd35graph.engine.jobs import MAX_RETRIES, DuplicateJob, Job, NewJob, Result, Retention, StoreError
from sd35graph.engine.storage import migrations
from sd35graph.engine.storage.database import open_database
from sd35graph.engine.storage.revisions import known_revisions, revision_of
from sd35graph.engine.storage.store import JobStore
from sd35graph.engine.storage.tables import JOBS, METADATA

PROMPT: dict[str, Any] = {"9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "text": "ä \ud83d \0"}}}
SUCCEEDED = Result(state="succeeded", outputs={"9": {"images": [{"filename": "x.png"}]}}, meta={"9": {"node_id": "9"}})


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'base' / 'jobs.sqlite'}"


@pytest.fixture
def store(url: str) -> Iterator[JobStore]:
    store = JobStore.open(url)
    yield store
    store.close()


def new(job_id: str, **fields: Any) -> NewJob:
    return NewJob(job_id=job_id, prompt=PROMPT, targets=("9",), **fields)


def submit(store: JobStore, *job_ids: str) -> None:
    for job_id in job_ids:
        store.submit(new(job_id))


def claim(store: JobStore) -> Job:
    claimed = store.claim(30)
    assert claimed is not None
    return claimed[0]


def finish(store: JobStore, job_id: str, result: Result = SUCCEEDED) -> list[Event]:
    types = {"succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled"}
    events = store.finish(job_id, result, [Event(type=types[result.state], job_id=job_id)])  # type: ignore[arg-type]
    assert events is not None
    return events


def types_of(store: JobStore, job_id: str) -> list[str]:
    return [event.type for event in store.events_after(0, job_id)]


def stored(store: JobStore, job_id: str) -> Job:
    job = store.get(job_id)
    assert job is not None
    return job


def test_accepted_job_is_kept_unchanged(store: JobStore, url: str) -> None:
    asked = new(
        "a",
        client_id="c \ud800",
        workflow={"nodes": [], "z": 1, "a": 2},
        extra_data={"client_id": "c", "extra_pnginfo": {"workflow": {"x": 1.5}}},
        node_errors={"7": {"errors": []}},
    )
    job, queued = store.submit(asked)
    assert (queued.type, queued.job_id, queued.data) == ("queued", "a", {"number": 0})
    assert queued.seq == store.last_seq()
    with closing(JobStore.open(url)) as again:
        kept = stored(again, "a")
    assert replace(kept, messages=()) == job
    assert (kept.prompt, kept.targets, kept.state, kept.attempts) == (PROMPT, ("9",), "pending", 0)
    assert list(kept.workflow or ()) == ["nodes", "z", "a"]
    assert (kept.client_id, kept.extra_data, kept.node_errors) == ("c \ud800", asked.extra_data, asked.node_errors)
    assert kept.extra_pnginfo == {"workflow": {"x": 1.5}}


def test_queue_order_is_number_then_arrival_and_front_goes_first(store: JobStore) -> None:
    numbers = [
        store.submit(new(job_id, front=front, number=number))[0].number
        for job_id, front, number in [
            ("a", False, None),
            ("b", False, None),
            ("front", True, None),
            ("front again", True, None),
            ("half", False, 0.5),
        ]
    ]
    assert numbers == [0, 1, -3, -4, 0.5]
    assert [type(number) for number in numbers] == [int, int, int, int, float]
    assert [job.id for job in store.pending()] == ["front again", "front", "a", "half", "b"]
    assert [claim(store).id for _ in range(5)] == ["front again", "front", "a", "half", "b"]
    assert store.claim(30) is None


def test_numbers_are_never_given_twice(store: JobStore) -> None:
    submit(store, "a")
    claim(store)
    finish(store, "a")
    last = store.last_seq()
    assert store.delete() == 1
    job, queued = store.submit(new("b"))
    assert job.number == 1
    assert queued.seq is not None
    assert queued.seq > last


def test_second_job_with_an_id_is_refused(store: JobStore) -> None:
    submit(store, "a")
    with pytest.raises(DuplicateJob, match='"a" was accepted before'):
        store.submit(new("a"))
    assert [job.id for job in store.pending()] == ["a"]
    assert types_of(store, "a") == ["queued"]


@pytest.mark.parametrize("job_id", ["\ud800", "a\0b"])
def test_ids_no_database_takes_are_refused_and_unknown(store: JobStore, job_id: str) -> None:
    with pytest.raises(StoreError, match="no valid text"):
        store.submit(new(job_id))
    assert store.get(job_id) is None
    assert store.delete([job_id]) == 0
    assert store.cancel(job_id) == (False, [])
    assert store.events_after(0, job_id) == []


def test_nan_in_a_document_is_refused_and_leaves_nothing(store: JobStore) -> None:
    with pytest.raises(StoreError, match="not JSON compliant"):
        store.submit(NewJob(job_id="a", prompt={"1": float("nan")}, targets=()))
    assert store.counts() == (0, 0)


def test_life_of_a_job_is_one_row_of_numbered_events(store: JobStore) -> None:
    submit(store, "a")
    job = claim(store)
    assert (job.state, job.attempts, job.owner) == ("running", 1, store.owner)
    assert store.counts() == (0, 1)
    [shown] = store.append([Event(type="shown", job_id="a", data={"node": "9"})])
    [ended] = finish(store, "a")
    kept = stored(store, "a")
    assert (kept.state, kept.outputs, kept.meta, kept.owner) == ("succeeded", SUCCEEDED.outputs, SUCCEEDED.meta, None)
    assert [message.type for message in kept.messages] == ["started", "succeeded"]
    assert kept.started_ms is not None
    assert kept.ended_ms is not None
    assert types_of(store, "a") == ["queued", "started", "shown", "succeeded"]
    assert shown.seq is not None
    assert store.events_after(shown.seq) == [ended]
    assert store.counts() == (0, 0)


def test_events_keep_their_order_and_number_in_a_large_batch(store: JobStore) -> None:
    given = [Event(type="node_started", job_id="a", data={"node": str(index)}) for index in range(5000)]
    kept = store.append(given)
    assert [event.data["node"] for event in kept] == [str(index) for index in range(5000)]
    assert [event.seq for event in kept] == list(range(1, 5001))
    assert store.events_after(0, limit=5000) == kept
    assert store.events_after(4990, "a", limit=3) == kept[4990:4993]
    assert store.append([]) == []


def test_only_the_holder_ends_a_job_and_only_once(store: JobStore, url: str) -> None:
    submit(store, "a")
    claim(store)
    with closing(JobStore.open(url)) as other:
        assert other.finish("a", SUCCEEDED, [Event(type="succeeded", job_id="a")]) is None
        assert other.retry_or_fail("a", JobError(message="m", type="T")) is None
        assert other.give_back("stopped") == []
        assert other.renew(["a"], 30) == {}
    finish(store, "a")
    assert store.finish("a", SUCCEEDED, [Event(type="succeeded", job_id="a")]) is None
    assert types_of(store, "a") == ["queued", "started", "succeeded"]


def test_two_processes_never_claim_the_same_job(store: JobStore, url: str) -> None:
    jobs = [f"job {number}" for number in range(60)]
    submit(store, *jobs)
    start = threading.Barrier(4)

    def claim_all(_: int) -> list[str]:
        with closing(JobStore.open(url)) as mine:
            start.wait()
            claimed = []
            while (taken := mine.claim(30)) is not None:
                claimed.append(taken[0].id)
            return claimed

    with ThreadPoolExecutor(4) as pool:
        claimed = [job_id for job_ids in pool.map(claim_all, range(4)) for job_id in job_ids]
    assert sorted(claimed) == sorted(jobs)


def test_job_whose_worker_died_is_tried_once_more_and_then_fails_with_the_reason(store: JobStore) -> None:
    submit(store, "a", "b")
    error = JobError(message="the worker process was ended by SIGKILL", type="WorkerDied", node_id="9")
    claim(store)
    retried = store.retry_or_fail("a", error)
    assert [(event.type, event.data) for event in retried or []] == [("retried", {"reason": error.message})]
    assert [job.id for job in store.pending()] == ["a", "b"]
    assert claim(store).attempts == 2
    failed = store.retry_or_fail("a", error)
    assert [event.type for event in failed or []] == ["failed"]
    job = stored(store, "a")
    assert (job.state, job.error) == ("failed", error.as_json())
    assert [message.type for message in job.messages] == ["started", "retried", "started", "failed"]
    assert claim(store).id == "b"


def test_given_back_job_has_lost_no_attempt(store: JobStore) -> None:
    submit(store, "a", "b")
    for _ in range(5):
        claim(store)
        assert [event.type for event in store.give_back("the server was stopped")] == ["retried"]
    assert stored(store, "a").attempts == 0
    assert [job.id for job in store.pending()] == ["a", "b"]


def test_cancel_ends_a_pending_job_and_marks_a_running_one(store: JobStore) -> None:
    submit(store, "running", "pending")
    claim(store)
    known, [cancelled] = store.cancel("pending")
    assert known
    assert (cancelled.type, cancelled.data) == ("cancelled", {"node": None, "executed": []})
    assert stored(store, "pending").state == "cancelled"
    assert store.renew(["running"], 30) == {"running": False}
    assert store.cancel("running") == (True, [])
    assert store.renew(["running"], 30) == {"running": True}
    assert store.cancel("unknown") == (False, [])
    finish(store, "running")
    assert store.cancel("running") == (False, [])


def test_job_to_be_cancelled_is_not_tried_again(store: JobStore) -> None:
    submit(store, "a")
    claim(store)
    store.cancel("a")
    events = store.retry_or_fail("a", JobError(message="died", type="WorkerDied"))
    assert [event.type for event in events or []] == ["cancelled"]
    assert stored(store, "a").state == "cancelled"


def test_cancelling_pending_jobs_touches_no_others(store: JobStore) -> None:
    submit(store, "running", "a", "b", "c")
    claim(store)
    assert [event.job_id for event in store.cancel_pending(["running", "b", "unknown"])] == ["b"]
    assert [job.id for job in store.pending()] == ["a", "c"]
    assert {event.job_id for event in store.cancel_pending()} == {"a", "c"}
    assert [job.id for job in store.running()] == ["running"]
    many = [f"unknown {number}" for number in range(3000)]
    assert store.cancel_pending(many) == []


def test_the_queue_of_one_moment_has_each_job_once(store: JobStore) -> None:
    submit(store, *"abcd")
    store.move("d", "a")
    assert [claim(store).id, claim(store).id] == ["d", "a"]
    running, pending = store.queued()
    assert ([job.id for job in running], [job.id for job in pending]) == (["d", "a"], ["b", "c"])


def test_history_is_oldest_first_with_offset_and_limit(store: JobStore) -> None:
    submit(store, *"abcde")
    for job_id in "abcd":
        assert claim(store).id == job_id
    for job_id in "badc":  # in the order in which they end, not in which they came
        finish(store, job_id)

    def ids(max_items: int | None = None, offset: int | None = None) -> str:
        return "".join(job.id for job in store.history(max_items, offset))

    assert ids() == ids(offset=0) == ids(-1) == "badc"
    assert ids(max_items=2) == ids(max_items=2, offset=0) == "dc"
    assert ids(max_items=2, offset=1) == "ad"
    assert ids(offset=3) == "c"
    assert ids(offset=4) == ids(offset=40) == ids(max_items=0) == ""
    places = store.history_places()
    store.delete(["a"])
    assert [job.id for job in store.history_at(places)] == ["b", "d", "c"]


def test_delete_removes_ended_jobs_and_their_events_only(store: JobStore) -> None:
    submit(store, "a", "b", "c")
    claim(store)
    finish(store, "a")
    claim(store)
    assert store.delete(["a", "b", "c", "unknown"]) == 1
    assert store.get("a") is None
    assert types_of(store, "a") == []
    assert types_of(store, "b") == ["queued", "started"]
    finish(store, "b")
    assert store.delete() == 1
    assert store.counts() == (1, 0)


CLAIM_AND_WAIT = """
import sys
from sd35graph.engine.jobs import NewJob
from sd35graph.engine.storage.revisions import known_revisions, revision_of
from sd35graph.engine.storage.store import JobStore
store = JobStore.open(sys.argv[1])
store.submit(NewJob(job_id="late", prompt={}, targets=()))
for _ in range(int(sys.argv[2])):
    print(store.claim(3600)[0].id, flush=True)
print("done", flush=True)
sys.stdin.read()
"""


@contextmanager
def other_process(url: str, claims: int) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    command = [sys.executable, "-c", CLAIM_AND_WAIT, url, str(claims)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        claimed = list(iter(process.stdout.readline, "done\n"))
        try:
            yield process, [line.strip() for line in claimed]
        finally:
            process.kill()


def test_jobs_of_a_killed_process_are_recovered_and_those_of_a_living_one_left(store: JobStore, url: str) -> None:
    submit(store, "ours", "theirs")
    claim(store)
    with other_process(url, claims=2) as (process, claimed):
        assert claimed == ["theirs", "late"]
        assert store.recover() == []
        process.kill()
        process.wait()
        events = store.recover()
    assert [(event.type, event.job_id) for event in events] == [("retried", "theirs"), ("retried", "late")]
    assert "server process ended" in str(events[0].data["reason"])
    assert [job.id for job in store.running()] == ["ours"]
    assert [job.id for job in store.pending()] == ["theirs", "late"]
    assert store.recover() == []


def test_the_end_of_the_server_is_no_attempt_of_the_job_but_cannot_repeat_for_ever(store: JobStore, url: str) -> None:
    submit(store, "a")
    for _ in range(MAX_RETRIES):
        assert claim(store).attempts == 1
        [retried] = lost(store, url)
        assert retried.type == "retried"
    claim(store)
    [failed] = lost(store, url)
    assert failed.type == "failed"
    job = stored(store, "a")
    assert job.error is not None
    assert (job.state, job.error["type"]) == ("failed", "ServerProcessDied")


def lost(store: JobStore, url: str) -> list[Event]:
    """What a server finds after `store`'s process, which ran a job, has ended."""
    host, _, started, name = store.owner.rsplit("/", 3)
    with closing(JobStore.open(url)) as next_one:
        with store._engine.begin() as connection:
            connection.execute(update(JOBS).values(owner=f"{host}/4194304/{started}/{name}"))
        return next_one.recover()


def test_accepted_job_survives_kill_at_once(url: str) -> None:
    with other_process(url, claims=0) as (process, _):
        process.kill()
        process.wait()
        with closing(JobStore.open(url)) as store:
            assert [job.id for job in store.pending()] == ["late"]


def test_job_of_another_host_is_recovered_when_its_lease_has_run_out(store: JobStore, tmp_path: Path) -> None:
    submit(store, "a", "b")
    for lease_s in (-1, 3600):
        store.claim(lease_s)
    with sqlite3.connect(tmp_path / "base" / "jobs.sqlite") as database:
        database.execute("UPDATE jobs SET owner = 'elsewhere/1/2.00/3'")
    assert [event.job_id for event in store.recover()] == ["a"]


def test_store_is_at_head_without_importing_alembic(url: str) -> None:
    JobStore.open(url).close()
    script = (
        "import sys; from sd35graph.engine.storage.store import JobStore; JobStore.open(sys.argv[1]).close();"
        "print(sorted({'alembic', 'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", script, url], text=True) == "[]\n"


def test_migrations_end_at_head_and_give_exactly_the_tables(url: str) -> None:
    JobStore.open(url).close()
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD] == known_revisions()[-1:]
    engine = open_database(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_a_store_of_before_there_were_users_is_taken_over(url: str) -> None:
    engine = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO jobs (id, state, number, request, created_ms, attempts, cancel_requested) VALUES "
            """('old', 'pending', 0, '{"prompt": {}, "targets": [], "client_id": null, "workflow": null, """
            """"extra_data": {}, "node_errors": {}}', 1, 0, 0)"""
        )
    engine.dispose()
    with closing(JobStore.open(url)) as store:
        assert stored(store, "old").submitted_by is None
        assert store.cancel_pending(["old"], "anna") == []
        assert claim(store).id == "old"


def of_revision(url: str, revision: str) -> None:
    """Make a store as an older program left it, with one job."""
    engine = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.exec_driver_sql(
            "INSERT INTO jobs (id, state, number, request, created_ms, attempts, cancel_requested) "
            "VALUES ('old', 'pending', 0, '{}', 1, 0, 0)"
        )
    engine.dispose()


def copies(url: str) -> dict[str, Path]:
    path = Path(url.removeprefix("sqlite:///"))
    return {copy.name.removeprefix(path.name): copy for copy in path.parent.glob(f"{path.name}.*.bak*")}


def test_a_store_is_copied_before_it_is_upgraded_and_only_then(url: str) -> None:
    of_revision(url, "0001")
    JobStore.open(url).close()
    assert list(copies(url)) == [".0001.bak"]
    with closing(sqlite3.connect(copies(url)[".0001.bak"])) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert copy.execute("SELECT id FROM jobs").fetchall() == [("old",)]
    copies(url)[".0001.bak"].unlink()
    JobStore.open(url).close()
    assert copies(url) == {}


def test_only_the_newest_copies_are_kept(url: str) -> None:
    of_revision(url, "0001")
    store = Path(url.removeprefix("sqlite:///"))
    for age_s, revision in enumerate(("000d", "000c", "000b", "000a")):
        copy = store.with_name(f"{store.name}.{revision}.bak")
        copy.touch()
        os.utime(copy, (10**9 - age_s, 10**9 - age_s))
    JobStore.open(url).close()
    assert sorted(copies(url)) == [".0001.bak", ".000c.bak", ".000d.bak"]


def test_a_store_that_cannot_be_copied_is_left_as_it_was(url: str) -> None:
    of_revision(url, "0001")
    Path(f"{url.removeprefix('sqlite:///')}.0001.bak.part").mkdir()
    with pytest.raises(StoreError, match=r"no copy of it can be made first: .*make room for jobs\.sqlite\.0001\.bak"):
        JobStore.open(url)
    assert revision_of(Path(url.removeprefix("sqlite:///"))) == "0001"


def test_a_store_of_a_newer_program_is_refused_and_left_alone(url: str) -> None:
    JobStore.open(url).close()
    path = Path(url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=f"newer sd35graph: .* revision 9999, .* up to {migrations.HEAD}; upgrade"):
        JobStore.open(url)
    assert revision_of(path) == "9999"
    assert copies(url) == {}


def test_what_is_no_database_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_text("not a database, but long enough to be looked at " * 100)
    with pytest.raises(StoreError, match=r"jobs\.sqlite cannot be read: file is not a database; move it away"):
        revision_of(path)


def test_of_several_users_each_sees_and_changes_their_own_only(store: JobStore) -> None:
    for job_id, user in (("a1", "anna"), ("b1", "bob"), ("n1", None), ("a2", "anna"), ("b2", "bob")):
        store.submit(new(job_id, submitted_by=user))
    assert [claim(store).submitted_by for _ in range(3)] == ["anna", "bob", None]
    assert store.cancel("b1", "anna") == (False, [])
    assert store.cancel("b2", "anna") == (False, [])
    assert store.cancel("n1", "anna") == (False, [])
    assert [event.job_id for event in store.cancel_pending(None, "anna")] == ["a2"]
    assert store.cancel("b1", "bob") == (True, [])
    assert stored(store, "b1").cancel_requested
    for job_id in ("a1", "b1", "n1"):
        finish(store, job_id)
    assert [job.id for job in store.history(user="anna")] == ["a2", "a1"]
    assert [job.id for job in store.history(max_items=1, user="anna")] == ["a1"]
    assert [job.id for job in store.history(max_items=1, offset=1, user="anna")] == ["a1"]
    assert [job.id for job in store.history()] == ["a2", "a1", "b1", "n1"]
    assert store.delete(["a1", "b1", "n1"], "anna") == 1
    assert store.delete(None, "bob") == 1
    assert [job.id for job in store.history()] == ["a2", "n1"]


def test_files_belong_to_the_users_whose_jobs_showed_them(store: JobStore) -> None:
    output = {"images": [{"filename": "x.png", "subfolder": "a/b", "type": "temp"}, "text", {"no": "file"}], "n": 3}
    for job_id, user in (("a", "anna"), ("b", "bob"), ("n", None)):
        store.submit(new(job_id, submitted_by=user))
    store.append([Event(type="shown", job_id=job_id, data={"node": "9", "output": output}) for job_id in ("a", "n")])

    def seen_by(user: str, folder: str = "temp", subfolder: str = "a/b", filename: str = "x.png") -> bool:
        return store.has_shown(user, folder, subfolder, filename)

    assert seen_by("anna")
    assert not seen_by("bob")
    assert not seen_by("anna", folder="output")
    assert not seen_by("anna", subfolder="")
    assert not seen_by("anna", filename="y.png")


def test_processes_that_start_together_make_the_tables_once(url: str) -> None:
    start = threading.Barrier(6)

    def open_it(number: int) -> None:
        start.wait()
        with closing(JobStore.open(url)) as store:
            store.submit(new(str(number)))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(open_it, range(6)))
    with closing(JobStore.open(url)) as store:
        assert store.counts() == (6, 0)


@pytest.mark.parametrize(
    ("bad_url", "reason"),
    [
        ("nonsense", "correct database_url"),
        ("nosuch://x/y", "correct database_url"),
        ("sqlite://", "is no file"),
        ("sqlite:////proc/nowhere/jobs.sqlite", "cannot be opened"),
    ],
)
def test_unusable_url_is_an_error_that_says_what_to_do(bad_url: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason):
        JobStore.open(bad_url)


def test_file_that_is_no_database_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"this is no database, but long enough to look at" * 100)
    with pytest.raises(StoreError, match=r"jobs\.sqlite refused: file is not a database"):
        JobStore.open(f"sqlite:///{tmp_path / 'jobs.sqlite'}")


def test_full_store_refuses_with_the_reason_and_goes_on_when_there_is_room(url: str) -> None:
    store = JobStore.open(url)
    page_limit = 0

    @event.listens_for(store._engine, "begin")
    def limit(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {page_limit or 1 << 30}")

    submit(store, "before")
    page_limit = 1  # SQLite takes the size it has as the smallest limit
    with pytest.raises(StoreError, match="database or disk is full; check the disk's free space"):
        store.submit(NewJob(job_id="large", prompt={"text": "x" * 1_000_000}, targets=()))
    page_limit = 0
    submit(store, "after")
    assert [job.id for job in store.pending()] == ["before", "after"]
    store.close()


def test_accepting_forces_the_log_to_disk_and_the_rest_does_not(store: JobStore) -> None:
    levels: list[tuple[str, int]] = []
    method = ""

    @event.listens_for(store._engine, "commit")
    def note(connection: Any) -> None:
        levels.append((method, connection.exec_driver_sql("PRAGMA synchronous").scalar()))

    method = "submit"
    submit(store, "a")
    method = "claim"
    claim(store)
    method = "finish"
    finish(store, "a")
    method = "submit"
    submit(store, "b")
    assert levels == [("submit", 2), ("claim", 1), ("finish", 1), ("submit", 2)]


def test_every_statement_is_portable_to_postgres(store: JobStore) -> None:
    statements: list[ClauseElement] = []

    @event.listens_for(store._engine, "before_execute")
    def note(_connection: Any, statement: ClauseElement, *_: object) -> None:
        statements.append(statement)

    submit(store, "a", "b", "c")
    store.submit(new("f", front=True))
    claim(store)
    store.renew(["f"], 30)
    store.append([Event(type="shown", job_id="f")])
    finish(store, "f")
    claim(store)
    store.retry_or_fail("a", JobError(message="m", type="T"))
    claim(store)
    store.give_back("stopped")
    store.give_back("stopped", ["a"])
    store.cancel("b")
    store.cancel_pending(["c"])
    store.cancel_pending()
    store.recover()
    store.get("a")
    store.set_paused(paused=True)
    store.is_paused()
    store.set_paused(paused=False)
    submit(store, "x", "y")
    store.move("y", "x")
    store.prioritize("x", 1)
    store.claim(30, lambda jobs: jobs[0])
    store.excess(Retention(jobs=1, days=1, size_bytes=1))
    store.pending()
    store.running()
    store.counts()
    store.history(1, 1)
    store.history(1)
    store.events_after(0, "a")
    store.last_seq()
    store.delete(["a"])
    store.delete()
    texts = [str(statement.compile(dialect=postgresql.dialect())) for statement in statements]  # type: ignore[no-untyped-call]
    assert len(texts) > 40
    assert any("FOR UPDATE SKIP LOCKED" in text for text in texts)
