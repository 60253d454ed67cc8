"""
python -m pyruntime. Runs in the runtime process.
"""

import sys

from pyruntime.cli import main

if __name__ == "__main__":
    main(sys.argv)
