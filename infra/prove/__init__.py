"""`samvad prove`: real processes, real faults, and a checker that joins what clients saw with what is stored."""
