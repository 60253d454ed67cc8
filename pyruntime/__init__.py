"""
pyruntime: an OCI runtime. Python compiles config.json into a plan; a small C program executes it.

Python runs in the runtime process only, which no container ever sees.
"""

__version__ = "0.1.0"

# The newest runtime-spec whose rules are implemented, and the oldest that is accepted.
OCI_VERSION = "1.3.0"
OCI_VERSION_MIN = "1.0.0"

# The runC whose command line, messages and files these are; what a link named runc says to be.
RUNC_VERSION = "1.5.1"
