"""Detection: what is in the pictures, by models that run in a process of their own, and by rules that are exact."""
