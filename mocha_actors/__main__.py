"""``python -m mocha_actors`` is ``mocha``."""

from __future__ import annotations

from mocha_actors.cli.main import main

if __name__ == "__main__":
    main()
