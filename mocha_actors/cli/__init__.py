"""The commands: ``mocha-run`` and ``mocha``. Each imports what it needs when it is called, so that ``--help`` is immediate."""
