"""Benchmarks: one command each (`scripts/bench NAME`), every figure beside a limit or a peer of the same run."""
