"""Answers written byte by byte, and connections ended in ways that aiohttp would not.

Rule of this file: the only one that reaches past aiohttp, to the transport and its socket.
"""

import asyncio
import contextlib
import socket
import struct

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from pretrade.practice.faults.sending import End, Sending

_NO_LINGER = struct.pack("ii", 1, 0)


class SentByHand(web.StreamResponse):
    """An answer whose bytes are ours from the first to the last; aiohttp only learns whether the connection goes on."""

    def __init__(self, sending: Sending, stopping: asyncio.Event) -> None:
        super().__init__()
        self._sending = sending
        self._stopping = stopping

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the pieces in their time, then treat the connection as the sending says."""
        self._keep_alive = self._sending.end is End.KEEP and request.keep_alive
        for number, piece in enumerate(self._sending.pieces):
            if number and self._sending.pause_s:
                await pause(self._sending.pause_s, self._stopping)
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("the client went away")
            request.transport.write(piece)
        if self._sending.end is not End.KEEP:
            end_connection(request, reset=self._sending.end is End.RESET)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


def end_connection(request: web.BaseRequest, *, reset: bool = False) -> None:
    """Close the connection of a request, or reset it: the peer then sees RST and not an orderly end."""
    transport = request.transport
    if transport is None:
        return
    if not reset:
        transport.close()
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


async def pause(seconds: float, stopping: asyncio.Event) -> None:
    """Wait, unless the server stops."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
