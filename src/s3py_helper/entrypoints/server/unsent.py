"""How much of what was written to a connection its other end has not confirmed."""

import asyncio
import fcntl
import struct
import termios


def unsent_bytes(transport: asyncio.Transport) -> int:
    """Bytes that wait in this process, and on Linux those in the kernel, which may be megabytes.

    The kernel wakes a writer only when a good part of its buffer is free: with a slow reader, minutes can pass between
    two writes although bytes go out all the time.
    """
    waiting = transport.get_write_buffer_size()
    socket = transport.get_extra_info("socket")
    if socket is None or (descriptor := socket.fileno()) < 0:
        return waiting
    try:
        # Also called SIOCOUTQ (tcp(7)).
        in_kernel = fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(struct.calcsize("i")))
    except OSError:
        return waiting
    return waiting + int(struct.unpack("i", in_kernel)[0])
