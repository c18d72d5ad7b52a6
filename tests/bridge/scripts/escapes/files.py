"""Attempts to get at files."""

from __future__ import annotations

from tests.bridge.scripts.escapes.attempts import DIFFERS, python, raw

_HERE = -100

ATTEMPTS = (
    python("open a file to read", "return open('/etc/passwd').read(10)", is_kernels=True),
    python("open a file by os.open", "return os.open('/etc/passwd', os.O_RDONLY)", is_kernels=True),
    python("open a directory", "return os.open('/', os.O_RDONLY | os.O_DIRECTORY)"),
    python("open a path without rights on it", "return os.open('/etc/shadow', os.O_PATH)", is_kernels=True),
    python("open the null device", "return os.open('/dev/null', os.O_RDWR)"),
    python("make a file", "import tempfile\nf = open('/tmp/vms-bridge-escape', 'w')\nos.unlink(f.name)\nreturn f.name"),
    python("make a file without a name", "return os.open('/tmp', os.O_RDWR | os.O_TMPFILE)", is_kernels=True),
    python("list a directory", "return os.listdir('/')"),
    python("scan a directory", "return [each.name for each in os.scandir('/etc')][:3]"),
    python("look at a file", "return os.stat('/etc/passwd').st_size", is_kernels=True),
    python("look at a link", "return os.readlink('/proc/self/exe')"),
    python("ask where it is", "return os.getcwd()"),
    python("go elsewhere", "return os.chdir('/')", outside=DIFFERS),
    python("make a directory", "os.mkdir('/tmp/vms-bridge-escape-dir')\nreturn os.rmdir('/tmp/vms-bridge-escape-dir')"),
    python("delete a file", "return os.unlink('/tmp/vms-bridge-no-such-file')", outside=DIFFERS),
    python("rename a file", "return os.rename('/tmp/vms-bridge-no-such-file', '/tmp/vms-bridge-nor-this')", outside=DIFFERS),
    python("make a link", "return os.symlink('/etc/passwd', '/proc/vms-bridge')", outside=DIFFERS),
    python("make a hard link", "return os.link('/etc/hostname', '/proc/vms-bridge')", outside=DIFFERS),
    python("change a mode", "return os.chmod('/tmp/vms-bridge-no-such-file', 0o777)", outside=DIFFERS),
    python("change an owner", "return os.chown('/tmp/vms-bridge-no-such-file', 0, 0)", outside=DIFFERS),
    python("make a device", "return os.mknod('/proc/vms-bridge', 0o20666, os.makedev(1, 1))", outside=DIFFERS),
    python("make a named pipe", "return os.mkfifo('/proc/vms-bridge')", outside=DIFFERS),
    python("truncate a file", "return os.truncate('/tmp/vms-bridge-no-such-file', 0)", outside=DIFFERS),
    python("change its times", "return os.utime('/tmp/vms-bridge-no-such-file')", outside=DIFFERS),
    python("set an attribute", "return os.setxattr('/tmp/vms-bridge-no-such-file', 'user.a', b'b')", outside=DIFFERS),
    python("ask about a file system", "return os.statvfs('/').f_bsize"),
    python("read its own memory as a file", "return open('/proc/self/mem', 'rb').fileno()", is_kernels=True),
    python("write its own memory as a file", "return open('/proc/self/mem', 'r+b').fileno()", is_kernels=True),
    python("read the bridge's memory as a file", "return open(f'/proc/{BRIDGE}/mem', 'rb').fileno()", is_kernels=True),
    python("read the bridge's environment", "return open(f'/proc/{BRIDGE}/environ', 'rb').read(1)", is_kernels=True),
    python("take the bridge's open files", "return os.listdir(f'/proc/{BRIDGE}/fd')", is_kernels=True),
    python("open a descriptor anew", "return os.open(f'/proc/self/fd/{FD}', os.O_RDWR)", outside=DIFFERS),
    python(
        "have SQLite open a file",
        "import sqlite3\nreturn sqlite3.connect('vms-bridge-escape.db').execute('pragma user_version').fetchone()",
        by="OperationalError",
        number=None,
        text="unable to open database file",
    ),
    python(
        "have SQLite attach a file",
        "import sqlite3\nreturn sqlite3.connect(':memory:').execute(\"attach 'vms-bridge-escape2.db' as a\").fetchall()",
        by="OperationalError",
        number=None,
        text="unable to open database",
    ),
    python(
        "have the C library open a file",
        """
        ctypes.CDLL(None).fopen.restype = ctypes.c_void_p
        f = _LIBC.fopen(b'/etc/passwd', b'r')
        if not f:
            raise OSError(ctypes.get_errno(), 'fopen')
        return bool(f)""",
        is_kernels=True,
    ),
    python(
        "memory that others share",
        """
        from multiprocessing import shared_memory
        made = shared_memory.SharedMemory(create=True, size=64)
        made.close()
        made.unlink()
        return made.size""",
    ),
    raw("openat2", f"{_HERE}, b'/etc/passwd', ctypes.create_string_buffer(24), 24"),
    raw("open_by_handle_at", f"{_HERE}, ctypes.create_string_buffer(128), 0"),
    raw("name_to_handle_at", f"{_HERE}, b'/', ctypes.create_string_buffer(128), ctypes.create_string_buffer(8), 0"),
    raw("statx", f"{_HERE}, b'/etc/passwd', 0, 0x7FF, ctypes.create_string_buffer(256)"),
    raw("faccessat2", f"{_HERE}, b'/', 0, 0"),
    raw("fanotify_init", "0x1000000, 0"),
    raw("inotify_init1", "0"),
    raw("memfd_create", "b'x', 0"),
    raw("memfd_secret", "0"),
    raw("copy_file_range", "FD, None, FD, None, 1, 0"),
    raw("splice", "FD, None, FD, None, 1, 0"),
    raw("fchdir", "FD"),
    raw("fchmod", "FD, 0o777"),
    raw("ftruncate", "FD, 0"),
    raw("getdents64", "FD, ctypes.create_string_buffer(1024), 1024"),
)
