"""Every route of the API: one file a resource, each with its rows."""
