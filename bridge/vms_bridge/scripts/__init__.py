"""The sink `scripts`: runs people's own Python, each script locked into a process of its own."""
