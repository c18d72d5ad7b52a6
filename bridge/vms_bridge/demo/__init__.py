"""The demonstration: a simulated system, a broker where none is installed, and a table that shows what happens."""
