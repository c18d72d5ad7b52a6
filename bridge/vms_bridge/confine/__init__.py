"""Linux's means to take powers away from a process, by the standard library alone; what a process needs says who confines it."""
