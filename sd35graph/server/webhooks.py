"""Tells others that a job has ended, by a signed request to the URL that came with it.

The form is that of Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, spec version 1.0.0):
`webhook-id`, `webhook-timestamp` and `webhook-signature`, which is `v1,` and the HMAC-SHA256, in base64, of
`id.timestamp.body`. Whom to tell stands in the store with the job, so that a restart loses nothing; a receiver may be
told twice and knows that by the id.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from sd35graph import __version__
from sd35graph.engine.events import FINAL, Event, now_ms
from sd35graph.engine.jobs import Delivery, Job, StoreError, WebhookState
from sd35graph.engine.workers.supervisor import Supervisor
from sd35graph.server.encoding import dumps
from sd35graph.server.events.hub import Hub
from sd35graph.server.jobs.job_resource import summary
from sd35graph.server.outgoing import Forbidden, NotSent, post

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

logger = logging.getLogger(__name__)

DELAYS_S = (5, 30, 300, 1800, 7200, 18_000, 36_000)
"""Pauses after failed attempts; after one more it is given up."""
_TIMEOUT_S = 10.0
_POLL_S = 5.0
_AT_ONCE = 16
_GONE = 410


class Webhooks:
    """Sends what is due, as long as `run` runs. allow_private: also to this machine and private networks."""

    def __init__(self, supervisor: Supervisor, hub: Hub, *, allow_private: bool) -> None:
        self.allow_private = allow_private
        self._supervisor = supervisor
        self._hub = hub
        self._is_due = asyncio.Event()
        self._names = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook-names")

    async def run(self) -> None:
        """Send what is due, until this is cancelled."""
        while True:
            self._is_due.clear()
            if not await self._send_due():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._is_due.wait(), _POLL_S)

    def expect(self, job_id: str) -> None:
        """Look at once when this job has ended, and not only after a while."""
        self._hub.listen(self._notice, job_id)

    def _notice(self, event: Event) -> None:
        if event.type in FINAL:
            self._hub.unlisten(self._notice, event.job_id)
            self._is_due.set()

    async def _send_due(self) -> bool:
        """Make one attempt for the first that are due; False when there was none."""
        try:
            due = await self._supervisor.query(_due)
            await asyncio.gather(*[self._attempt(delivery) for delivery in due])
        except StoreError as error:
            logger.error("webhooks wait until the job store answers again", extra={"reason": str(error)})
            return False
        return bool(due)

    async def _attempt(self, delivery: Delivery) -> None:
        job = await self._supervisor.query(lambda store: store.get(delivery.job_id))
        if job is None:
            return  # deleted meanwhile, and its webhook with it
        state, error = await self._send(delivery, job)
        delay_s = 0
        if state == "waiting":
            logger.warning("webhook not taken", extra={"job_id": job.id, "reason": error})
            delay_s = DELAYS_S[delivery.attempts]
        due_ms = now_ms() + 1000 * delay_s
        await self._supervisor.change(partial(_settle, delivery.job_id, state, error, due_ms))

    async def _send(self, delivery: Delivery, job: Job) -> tuple[WebhookState, str | None]:
        """(what becomes of it, what went wrong)."""
        body = dumps({"type": f"job.{job.state}", "job": summary(job)})
        may_go_on = delivery.attempts < len(DELAYS_S)
        try:
            status = await post(
                delivery.url,
                signed(delivery, body, int(time.time())),
                body,
                allow_private=self.allow_private,
                timeout_s=_TIMEOUT_S,
                names=self._names,
            )
        except Forbidden as error:
            return "given_up", str(error)
        except NotSent as error:
            return ("waiting" if may_go_on else "given_up"), str(error)
        if 200 <= status < 300:
            return "delivered", None
        return ("waiting" if may_go_on and status != _GONE else "given_up"), f"the answer was {status}"


def signed(delivery: Delivery, body: bytes, timestamp_s: int) -> dict[str, str]:
    """The headers of a request by which its receiver knows that it comes from here, and when."""
    key = b64decode(delivery.secret.removeprefix("whsec_"))
    content = b"%s.%d.%s" % (delivery.job_id.encode(), timestamp_s, body)
    signature = b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        "content-type": "application/json",
        "user-agent": f"sd35graph/{__version__}",
        "webhook-id": delivery.job_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{signature}",
    }


def _due(store: JobStore) -> list[Delivery]:
    return store.due_webhooks(now_ms(), _AT_ONCE)


def _settle(job_id: str, state: WebhookState, error: str | None, due_ms: int, store: JobStore) -> None:
    store.settle_webhook(job_id, state, error, due_ms)
