"""The ways by which the state of ZoneMinder's monitors is learnt: each gathers evidence, and reports it to the ladders."""
