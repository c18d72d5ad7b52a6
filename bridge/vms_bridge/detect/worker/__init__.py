"""The program of the process that looks at pictures. The bridge itself loads none of it."""
