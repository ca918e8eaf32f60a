"""A wire to a server that can be cut, and mended."""

from __future__ import annotations

import trio


class Proxy:
    """Listens on the loopback and passes everything on, both ways, while it is not cut."""

    def __init__(self, host: str, port: int) -> None:
        self._server = host, port
        self._wires: set[trio.CancelScope] = set()
        self.port = 0
        self.is_cut = False

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, self._pass_on, [listener])
            task_status.started()

    def cut(self) -> None:
        """End every connection at once, and take no new one."""
        self.is_cut = True
        for wire in self._wires:
            wire.cancel()

    def mend(self) -> None:
        """Take connections again."""
        self.is_cut = False

    async def _pass_on(self, client: trio.SocketStream) -> None:
        if self.is_cut:
            await client.aclose()
            return
        server = await trio.open_tcp_stream(*self._server)
        with trio.CancelScope() as wire:
            self._wires.add(wire)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, client, server, wire)
                nursery.start_soon(self._pump, server, client, wire)
        self._wires.discard(wire)
        await trio.aclose_forcefully(client)
        await trio.aclose_forcefully(server)

    async def _pump(self, source: trio.SocketStream, target: trio.SocketStream, wire: trio.CancelScope) -> None:
        try:
            async for data in source:
                await target.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            wire.cancel()
