"""VMS Bridge: what cameras see, told live and true to home automation."""

__version__ = "0.1.0"
