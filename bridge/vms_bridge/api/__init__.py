"""The sink `api`: the HTTP API, for programs that search, play, command and follow. `kind.py` is its one door."""
