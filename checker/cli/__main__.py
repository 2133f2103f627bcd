"""``python -m checker.cli`` is ``ptecheck``."""

import sys

from checker.cli.main import main

sys.exit(main())
