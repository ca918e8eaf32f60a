"""The database: its port, its schema, and the one actor that writes to it.

Everything is written by the :mod:`writer <mocha_actors.db.writer>`, in transactions that hold the rows of a group of batches, their rollups,
their dead letters and the ``seq`` of their shards (promise P1). Everyone else reads, through :mod:`readers <mocha_actors.db.readers>`.
"""
