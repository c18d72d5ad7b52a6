"""The sink `event_log`: every event message, and changes of state, as lines of JSON in a file or on standard output."""
