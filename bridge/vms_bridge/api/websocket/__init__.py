"""The WebSocket of the API, `/api/v1/ws` (docs/websocket.md): states, events, transitions, commands and questions over one line.

`said.py` has what clients may say, `telling.py` what the bridge says; `socket.py` is the line, `greeting.py` who comes in by it,
`session.py` one client. `live.py` is what all of them share, `follower.py` what one of them has yet to be told.
"""
