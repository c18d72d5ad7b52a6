"""Video, by PyAV in child processes: a fault of FFmpeg's, which has taken whole programs down, ends one of these and no more.

`child.py`, `sources.py`, `upstream.py`, `broadcast.py` and `decoder.py` are for the bridge; `worker.py` is the child's program,
and with what it runs the only place where PyAV is imported.
"""
