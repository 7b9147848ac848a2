"""What the command `infodecomp` does, a file a command."""
