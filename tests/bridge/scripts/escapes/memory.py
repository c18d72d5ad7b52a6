"""Attempts to have memory that is executed, and memory that others see."""

from __future__ import annotations

from tests.bridge.scripts.escapes.attempts import DIFFERS, NOT_TRIED, python, raw

_PAGE = """
page = ctypes.create_string_buffer(3 * 4096)
at = (ctypes.addressof(page) + 4095) // 4096 * 4096
"""

ATTEMPTS = (
    python("map memory to execute", "import mmap\nreturn len(mmap.mmap(-1, 4096, flags=0x22, prot=7))", is_kernels=True),
    python(
        "map memory to execute, not to write", "import mmap\nreturn len(mmap.mmap(-1, 4096, flags=0x22, prot=5))", is_kernels=True
    ),
    python("map memory that a child would share", "import mmap\nreturn len(mmap.mmap(-1, 4096))"),
    python("map a descriptor", "import mmap\nreturn len(mmap.mmap(FD, 4096))", outside=DIFFERS),
    python("make memory executable", _PAGE, "return call(NR['mprotect'], at, 4096, 7)", calls=("mprotect",), is_kernels=True),
    python(
        "make memory executable, not writable",
        _PAGE,
        "return call(NR['mprotect'], at, 4096, 5)",
        calls=("mprotect",),
        is_kernels=True,
    ),
    python(
        "make the C library's code writable",
        """
        at = ctypes.cast(_LIBC.getpid, ctypes.c_void_p).value // 4096 * 4096
        return call(NR['mprotect'], at, 4096, 7)""",
        calls=("mprotect",),
        is_kernels=True,
    ),
    python(
        "make memory executable by a key",
        _PAGE,
        "return call(NR['pkey_mprotect'], at, 4096, 7, -1)",
        calls=("pkey_mprotect",),
        is_kernels=True,
        outside=DIFFERS,
    ),
    python(
        "move executable memory to where one wants it",
        _PAGE,
        """
        code = ctypes.cast(_LIBC.getpid, ctypes.c_void_p).value // 4096 * 4096
        return call(NR['mremap'], code, 4096, 4096, 3, at)""",
        calls=("mremap",),
        is_kernels=True,
        outside=NOT_TRIED,
    ),
    python(
        "execute data",
        _PAGE,
        r"""
        ctypes.memmove(at, b'\xc3' * 16, 16)
        return ctypes.CFUNCTYPE(None)(at)()""",
        by="SIGSEGV",
        number=None,
        outside=NOT_TRIED,
        needs="x86_64",
        is_kernels=True,
    ),
    python("have reading mean executing", "return call(NR['personality'], 0x400000)", calls=("personality",), is_kernels=True),
    python("ask for the personality", "return call(NR['personality'], 0xFFFFFFFF)", calls=("personality",), is_kernels=True),
    python(
        "execute data after reading means executing",
        _PAGE,
        r"""
        import mmap
        try:
            call(NR['personality'], 0x400000)
        except PermissionError:
            pass
        made = mmap.mmap(-1, 4096, flags=0x22, prot=3)
        made.write(b'\xc3' * 16)
        at = ctypes.addressof(ctypes.c_char.from_buffer(made))
        ctypes.CFUNCTYPE(None)(at)()
        return 'executed'""",
        calls=("personality",),
        by="SIGSEGV",
        number=None,
        needs="x86_64",
        is_kernels=True,
    ),
    raw("mmap", "0, 4096, 3, 0x21, -1, 0", name="map memory that is shared"),
    raw("mmap", "0, 4096, (1 << 32) | 3, 0x22, -1, 0", name="map with what is beyond 32 bits"),
    raw("mmap", "0, 2 << 20, 3, 0x40022, -1, 0", name="map huge pages"),
    raw("mmap", "0, 4096, 3, 0x2022, -1, 0", name="map locked memory"),
    raw("mlockall", "1"),
    raw("remap_file_pages", "0, 4096, 0, 0, 0"),
    raw("userfaultfd", "1"),
    raw("shmget", "0, 4096, 0o1600", outside=NOT_TRIED),
    raw("shmat", "-1, None, 0x8000", name="shmat, to execute"),
    raw("msgget", "0, 0o1600", outside=NOT_TRIED),
    raw("semget", "0, 1, 0o1600", outside=NOT_TRIED),
    raw("mq_open", "b'/no/such', 0, 0, None"),
    raw("madvise", "0, 4096, 12", name="madvise: merge with others' memory"),
    raw("madvise", "0, 4096, 100", name="madvise: poison memory"),
    raw("mincore", "0, 4096, None"),
    raw("mbind", "0, 0, 0, None, 0, 0"),
    raw("move_pages", "0, 0, None, None, None, 0"),
    raw("membarrier", "0, 0, 0"),
)
