"""Privacy: erase, export, opt out, audit. Everything that changes something is a command to the writer, in pieces that no event waits for."""
