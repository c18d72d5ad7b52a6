"""Events of a ZoneMinder: found, read, changed, and their pictures and videos fetched."""
