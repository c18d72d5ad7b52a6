"""The bridge's side of running scripts: a worker's start and end, a script's life, its queue, its share and its log."""
