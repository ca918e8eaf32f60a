"""The client of Discord's gateway: a pure protocol, a transport on trio-websocket, and the shard actors around both."""
