"""Attempts to get at the network, at other programs by sockets, and at what the bridge's socket could be made to do."""

from __future__ import annotations

from tests.bridge.scripts.escapes.attempts import DIFFERS, NOT_TRIED, python, raw

_ONE = "socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [1])"
_OURS = "import array, socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=FD)\n"


def _socket(family: str, kind: str = "socket.SOCK_STREAM", protocol: int = 0) -> str:
    return f"import socket\nreturn socket.socket({family}, {kind}, {protocol}).fileno()"


ATTEMPTS = (
    python("a socket for TCP", _socket("socket.AF_INET"), is_kernels=True),
    python("a socket for UDP", _socket("socket.AF_INET", "socket.SOCK_DGRAM"), is_kernels=True),
    python("a socket for IPv6", _socket("socket.AF_INET6"), outside=DIFFERS),
    python("a socket for this machine", _socket("socket.AF_UNIX"), is_kernels=True),
    python("a socket that asks the kernel", _socket("socket.AF_NETLINK", "socket.SOCK_RAW"), is_kernels=True),
    python("a socket for packets", _socket("socket.AF_PACKET", "socket.SOCK_RAW"), outside=DIFFERS),
    python("a raw socket", _socket("socket.AF_INET", "socket.SOCK_RAW", 1), outside=DIFFERS),
    python("a socket to the host of a virtual machine", _socket("socket.AF_VSOCK"), outside=DIFFERS),
    python("a socket for the kernel's ciphers", _socket("socket.AF_ALG", "socket.SOCK_SEQPACKET"), outside=DIFFERS),
    python("a pair of sockets", "import socket\nreturn socket.socketpair()[0].fileno()", is_kernels=True),
    python(
        "the cloud's metadata by HTTP",
        """
        import http.client
        asked = http.client.HTTPConnection('169.254.169.254', timeout=2)
        asked.request('GET', '/latest/meta-data/')
        return asked.getresponse().status""",
        outside=NOT_TRIED,
    ),
    python(
        "the cloud's metadata by urllib",
        "import urllib.request\nreturn urllib.request.urlopen('http://169.254.169.254/', timeout=2).status",
        by="URLError",
        number=None,
        text="Operation not permitted",
        outside=NOT_TRIED,
    ),
    python(
        "the bridge's own machine by TCP",
        "import socket\nreturn socket.create_connection(('127.0.0.1', 1883), timeout=2)",
        outside=DIFFERS,
    ),
    python("a name's address", "import socket\nreturn socket.getaddrinfo('localhost', 80)", by="gaierror", number=-3),
    python(
        "an event loop of its own",
        "import asyncio\nloop = asyncio.new_event_loop()\nloop.close()\nreturn True",
        by="RuntimeError",
        number=None,
        text="the bridge runs a loop for the script already",
    ),
    python("something that waits for sockets", "import select\nreturn select.epoll().fileno()"),
    python(
        "connect the bridge's socket elsewhere",
        _OURS + "try:\n    return s.connect('/run/systemd/notify')\nfinally:\n    s.detach()",
        outside=DIFFERS,
    ),
    python("bind the bridge's socket", _OURS + "try:\n    return s.bind(b'\\0vms-bridge-escape')\nfinally:\n    s.detach()"),
    python("listen on the bridge's socket", _OURS + "try:\n    return s.listen()\nfinally:\n    s.detach()", outside=DIFFERS),
    python(
        "hand the bridge a descriptor",
        _OURS + f"try:\n    return s.sendmsg([b'x'], [({_ONE})])\nfinally:\n    s.detach()",
        is_kernels=True,
    ),
    python(
        "be handed a descriptor",
        _OURS + "try:\n    return s.recvmsg(1, 64, socket.MSG_DONTWAIT)\nfinally:\n    s.detach()",
        outside=DIFFERS,
    ),
    python(
        "send the bridge what is out of band (CVE-2025-38236)",
        _OURS + "try:\n    return s.send(b'x', socket.MSG_OOB)\nfinally:\n    s.detach()",
        outside=DIFFERS,
        is_kernels=True,
    ),
    python(
        "receive what is out of band",
        _OURS + "try:\n    return s.recv(1, socket.MSG_OOB)\nfinally:\n    s.detach()",
        outside=DIFFERS,
        is_kernels=True,
    ),
    python(
        "look at what the bridge has sent, and leave it",
        _OURS + "try:\n    return s.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)\nfinally:\n    s.detach()",
        outside=DIFFERS,
        is_kernels=True,
    ),
    python(
        "send to another address",
        _OURS + "try:\n    return s.sendto(b'x', b'\\0vms-bridge-escape')\nfinally:\n    s.detach()",
        outside=DIFFERS,
    ),
    python(
        "ask whose the other end is", _OURS + "try:\n    return s.getsockopt(socket.SOL_SOCKET, 17, 12)\nfinally:\n    s.detach()"
    ),
    python(
        "have the kernel run a filter for a socket",
        _OURS + "try:\n    return s.setsockopt(socket.SOL_SOCKET, 26, bytes(16))\nfinally:\n    s.detach()",
        outside=DIFFERS,
    ),
    python("signals from a socket", "import fcntl\nreturn fcntl.fcntl(FD, 8, os.getpid())", is_kernels=True),  # F_SETOWN
    python("signals to the bridge from a socket", "import fcntl\nreturn fcntl.fcntl(FD, 8, BRIDGE)", is_kernels=True),
    python("a signal of one's choice from a socket", "import fcntl\nreturn fcntl.fcntl(FD, 10, 9)", is_kernels=True),  # F_SETSIG
    python("a copy of a descriptor", "return os.dup(FD)"),
    python("a copy by fcntl", "import fcntl\nreturn fcntl.fcntl(FD, 0, 10)"),
    python("a wider pipe", "import fcntl\nreturn fcntl.fcntl(1, 1031, 1 << 20)", outside=DIFFERS),  # F_SETPIPE_SZ
    python("ask a socket by ioctl", "import fcntl\nreturn fcntl.ioctl(FD, 0x541B, bytes(4))"),  # FIONREAD
    python("type into a terminal", "import fcntl\nreturn fcntl.ioctl(0, 0x5412, b'x')", outside=DIFFERS),  # TIOCSTI
    python("list network interfaces by ioctl", "import fcntl\nreturn fcntl.ioctl(FD, 0x8912, bytes(40))", outside=DIFFERS),
    python("a pipe", "return os.pipe()"),
    raw("sendmmsg", "FD, None, 0, 0"),
    raw("recvmmsg", "FD, None, 0, 0, None"),
    raw("accept4", "FD, None, None, 0"),
    raw("io_uring_setup", "8, ctypes.create_string_buffer(120)"),
    raw("io_uring_enter", "FD, 0, 0, 0, None, 0"),
    raw("io_uring_register", "FD, 0, None, 0"),
    raw("io_setup", "1, ctypes.create_string_buffer(8)"),
    raw("epoll_create1", "0"),
    raw("eventfd2", "0, 0"),
    raw("timerfd_create", "1, 0"),
    raw("signalfd4", "-1, ctypes.create_string_buffer(8), 8, 0"),
)
