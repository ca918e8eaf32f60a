"""The dispatcher: which processor gets which entries of a batch."""
