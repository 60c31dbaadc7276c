"""What the relay has counted, in Prometheus' text format."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from relay.dispatch import Relay


async def get_metrics(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the sum over all workers: `getMetrics` in the overlay."""
    # Beside the event loop, which goes on meanwhile.
    text = await asyncio.to_thread(relay.metrics.exposition)
    await Response(text, headers={"content-type": CONTENT_TYPE_LATEST})(scope, receive, send)
