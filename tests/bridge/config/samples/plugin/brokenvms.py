"""A backend whose package does not even import."""

raise RuntimeError("this package is broken")
