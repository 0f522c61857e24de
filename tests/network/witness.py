"""What stands on the exchange's host and sees who comes: answers on the ports that it is told, notes every IP packet.

Usage: python witness.py PORT,... ADDRESS,...      prints `ready`, then a JSON line a packet: {"from": …, "protocol": …}
Rule of this file: the standard library only. It sees packets below the firewall and below any listener.
"""

import asyncio
import ipaddress
import json
import socket
import sys

_ALL_PROTOCOLS = 0x0003
_IPV4, _IPV6 = 0x0800, 0x86DD


class Echo(asyncio.DatagramProtocol):
    """Sends every datagram back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert isinstance(self._transport, asyncio.DatagramTransport)
        self._transport.sendto(data, addr)


async def _hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def _note(wire: socket.socket) -> None:
    frame, (interface, kind, direction, *_) = wire.recvfrom(2048)
    if interface == "lo" or direction == socket.PACKET_OUTGOING:
        return
    if kind == _IPV4:
        seen = {"from": str(ipaddress.ip_address(frame[26:30])), "protocol": frame[23]}
    elif kind == _IPV6:
        seen = {"from": str(ipaddress.ip_address(frame[22:38])), "protocol": frame[20]}
    else:
        return
    print(json.dumps(seen), flush=True)


async def main(ports: list[int], addresses: list[str]) -> None:
    loop = asyncio.get_running_loop()
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    wire.setblocking(False)  # noqa: FBT003 - positional only
    loop.add_reader(wire, _note, wire)
    for port in ports:
        for address in addresses:  # one by one, so that a datagram is answered from where it was sent to
            await asyncio.start_server(_hang_up, address, port)
            await loop.create_datagram_endpoint(Echo, (address, port))
    print("\nready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main([int(port) for port in sys.argv[1].split(",")], sys.argv[2].split(",")))
