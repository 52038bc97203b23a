"""Whether rules keep their promises: to compile, to be bounded, to fire and to be silent."""
