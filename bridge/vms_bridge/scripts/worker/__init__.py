"""What runs in the process of a script. It loads nothing but the standard library, and what is beside it."""
