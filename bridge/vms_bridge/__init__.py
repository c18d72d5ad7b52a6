"""VMS Bridge: reports what cameras see to home automation, live and true."""

__version__ = "0.1.0"
