"""Attempts by Python's own ways: modules, frames, code, native libraries."""

from __future__ import annotations

from tests.bridge.scripts.escapes.attempts import DIFFERS, NOT_TRIED, python

ATTEMPTS = (
    python(
        "a module that was not loaded",
        "import importlib\nreturn importlib.import_module('wave')",
        by="ModuleNotFoundError",
        number=None,
        is_kernels=True,
    ),
    python(
        "a file as a module",
        """
        import importlib.machinery
        return importlib.machinery.SourceFileLoader('x', '/etc/hostname').get_data('/etc/hostname')""",
    ),
    python(
        "the way to modules put back",
        """
        import importlib.machinery, sys
        sys.path.append('/usr/lib/python3.11')
        sys.meta_path.append(importlib.machinery.PathFinder)
        importlib.invalidate_caches()
        return __import__('this')""",
        by="ModuleNotFoundError",
        number=None,
        outside=DIFFERS,
        text="this",
    ),
    python(
        "a native module",
        """
        import importlib.machinery
        loader = importlib.machinery.ExtensionFileLoader('x', '/usr/lib/x86_64-linux-gnu/libm.so.6')
        import importlib.util
        return importlib.util.module_from_spec(importlib.machinery.ModuleSpec('x', loader, origin=loader.path))""",
        by="ImportError",
        number=None,
        text="Operation not permitted",
        outside=DIFFERS,
        is_kernels=True,
    ),
    python(
        "a native library",
        "return ctypes.CDLL('libcrypt.so.1')",
        by="OSError",
        number=None,
        text="Operation not permitted",
        outside=DIFFERS,
        is_kernels=True,
    ),
    python("a script run by its path", "import pkgutil, runpy\nreturn runpy.run_path('/dev/null')", outside=DIFFERS),
    python(
        "open, found in the builtins of a frame", "import sys\nreturn sys._getframe().f_builtins['open']('/etc/passwd').read(1)"
    ),
    python(
        "open, found through classes",
        """
        waiting = [object]
        while waiting:
            each = waiting.pop()
            if each.__name__ == 'FileIO':
                return each('/etc/passwd').fileno()
            waiting += type.__subclasses__(each)""",
    ),
    python("open by another code", "exec(compile(\"f = open('/etc/passwd')\", 'x', 'exec'), {})\nreturn True"),
    python(
        "open in another thread",
        """
        import threading
        got = []
        def work():
            try:
                got.append(open('/etc/passwd').read(1))
            except OSError as error:
                got.append(error)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(got[0], OSError):
            raise got[0]
        return got""",
        is_kernels=True,
    ),
    python(
        "a socket in a thread pool",
        """
        import concurrent.futures, socket
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return pool.submit(socket.socket).result().fileno()""",
    ),
    python(
        "code that is none",
        "import types\nf = lambda: 0\nf.__code__ = f.__code__.replace(co_code=b'\\xff\\x00' * 64, co_stacksize=1)\nf()\nreturn 1",
        by="SIGSEGV|SIGABRT|SystemError|SIGBUS|SIGILL|SIGFPE",
        number=None,
        outside=NOT_TRIED,
    ),
    python(
        "memory that is not there", "return ctypes.string_at(8)", by="SIGSEGV", number=None, outside=NOT_TRIED, is_kernels=True
    ),
    python("a trace that is written to a file", "import faulthandler\nfaulthandler.enable(open('/tmp/x', 'w'))"),
    python(
        "a handler for a signal",
        "import signal\nreturn signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        by="ValueError|PermissionError",
        number=None,
        outside=DIFFERS,
    ),
    python(
        "an alarm",
        "import signal\nreturn signal.setitimer(signal.ITIMER_REAL, 0)",
        by="PermissionError|itimer_error|ItimerError",
        number=1,
    ),
)
