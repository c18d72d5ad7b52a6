"""What scripts may ask the bridge for: a file for each subject, joined by `table.py`."""
