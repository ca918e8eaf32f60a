"""What travels between the actors: batches of events, the facts made of them, and the notices about both."""
