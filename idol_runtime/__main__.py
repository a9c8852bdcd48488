"""`python -m idol_runtime` is `idol`."""

import sys

from idol_runtime.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
