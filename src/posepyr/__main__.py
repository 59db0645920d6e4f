"""``python -m posepyr``: the same as the command ``posepyr``."""

import sys

from posepyr.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
