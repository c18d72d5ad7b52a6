"""Attempts to take what others need: memory, processes, descriptors, the processor."""

from __future__ import annotations

from tests.bridge.scripts.escapes.attempts import DIFFERS, NOT_TRIED, python

KILLED = "SIGKILL"
"""It never ends, and is ended by the bridge. Before, it says BEGUN, so that nobody waits; where that is not heard it ends too."""

ATTEMPTS = (
    python("memory at once", "return len(bytearray(4 << 30))", by="MemoryError", number=None, outside=NOT_TRIED, is_kernels=True),
    python(
        "memory piece by piece",
        "kept = []\nwhile True:\n    kept.append(bytearray(1 << 20))",
        by="MemoryError",
        number=None,
        outside=NOT_TRIED,
        is_kernels=True,
    ),
    python(
        "memory by objects",
        "kept = []\nwhile True:\n    kept.append([kept, len(kept)] * 1000)",
        by="MemoryError",
        number=None,
        outside=NOT_TRIED,
    ),
    python("memory by a text", "text = 'x'\nwhile True:\n    text += text", by="MemoryError", number=None, outside=NOT_TRIED),
    python(
        "memory by mapping",
        "import mmap\nkept = []\nwhile True:\n    kept.append(mmap.mmap(-1, 1 << 24, flags=0x22))",
        by="OSError",
        number=12,
        outside=NOT_TRIED,
    ),
    python(
        "memory by what was packed",
        """
        import zlib
        packer = zlib.compressobj()
        packed = b''.join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
        return len(zlib.decompress(packed))""",
        by="MemoryError",
        number=None,
    ),
    python(
        "threads",
        # `Thread.start` of threading waits for ever for a thread that has no memory to begin with.
        "import _thread, time\nwhile True:\n    _thread.start_new_thread(time.sleep, (60,))",
        by="RuntimeError|MemoryError",
        number=None,
        outside=NOT_TRIED,
        is_kernels=True,
    ),
    python(
        "threads that take little",
        """
        import _thread, threading
        threading.stack_size(64 << 10)
        over = threading.Event()
        started = 0
        try:
            while started < 20_000:
                _thread.start_new_thread(over.wait, ())
                started += 1
        finally:
            over.set()
        return started""",
        by="RuntimeError|MemoryError",
        number=None,
        outside=NOT_TRIED,
        is_kernels=True,
    ),
    python(
        "processes",
        "made = 0\nwhile made < 10_000:\n    if os.fork() == 0:\n        os._exit(0)\n    made += 1",
        outside=NOT_TRIED,
        is_kernels=True,
    ),
    python("descriptors", "while True:\n    os.dup(FD)", outside=NOT_TRIED),
    python("recursion", "def again():\n    again()\nagain()", by="RecursionError", number=None, outside=DIFFERS),
    python(
        "recursion of what is no code",
        "a = []\nfor _ in range(100_000):\n    a = [a]\nreturn len(json.dumps(a))",
        by="RecursionError",
        number=None,
        outside=DIFFERS,
    ),
    python(
        "the processor",
        "print('BEGUN', flush=True)\nwhile True:\n    pass",
        by=KILLED,
        number=None,
        outside=NOT_TRIED,
        is_kernels=True,
    ),
    python(
        "the processor, without letting Python go on",
        "import time\nprint('BEGUN', flush=True)\ntime.sleep(0.5)  # so that it is heard\nreturn 7 ** (10 ** 9)",
        by=KILLED,
        number=None,
        outside=NOT_TRIED,
    ),
    python(
        "the processor, by a pattern",
        "import re, time\nprint('BEGUN', flush=True)\ntime.sleep(0.5)\nreturn re.match('(a|a)*b', 'a' * 64)",
        by=KILLED,
        number=None,
        outside=NOT_TRIED,
    ),
    python(
        "the processor, by threads, all signals blocked",
        """
        import signal, threading
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        def spin():
            while True:
                pass
        for _ in range(4):
            threading.Thread(target=spin, daemon=True).start()
        print('BEGUN', flush=True)
        spin()""",
        by=KILLED,
        number=None,
        outside=NOT_TRIED,
    ),
    python(
        "time, for ever",
        "import threading\nprint('BEGUN', flush=True)\nthreading.Event().wait()",
        by=KILLED,
        number=None,
        outside=NOT_TRIED,
    ),
    python(
        "a pipe that nobody reads",
        "print('BEGUN', flush=True)\nwhile True:\n    os.write(1, b'x' * 65536)",
        by=KILLED,
        number=None,
        outside=NOT_TRIED,
    ),
)
