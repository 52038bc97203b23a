"""Commands, their output and exit codes. Nothing below this package knows of it."""
