"""The commands: ``mocha-run`` and ``mocha``. Each imports what it needs when called, so that ``--help`` is immediate."""
