"""
Why outcomes differ from runC's: what docs/differences-from-runc.md lists, in this order.
"""

from conformance.replay.calls import Reason

# --- the command line

BEHIND = Reason(
    "options are found wherever they stand; runC moves those it knows to the front, each with the word "
    "behind it: an option in the last place takes the id for its value, a switch is followed by it"
)
TWO_FORMS = Reason("the long and the short form of an option may be mixed")
MORE_THAN_RUNC = Reason("there are commands and options of crun and youki, and of our own")
NO_SOURCE = Reason("messages of --debug do not name the lines of our source")
NO_ROOT = Reason("where there cannot be a root, no container exists")
OF_BOTH = Reason("the text is each one's own")

# --- values

SAYS_MORE = Reason("our message says what was attempted, which option or field it is about, or what is right")
PLACES = Reason("all that is wrong with a config is told at once, each with its line and JSON pointer")
ALL_AT_ONCE = Reason("our message names the field of the process, and what would be right")
SIGNALS = Reason("all names of signal(7) are known, also those of real-time signals and synonyms")
NO_SIGNAL = Reason("a number that is no signal is named, not tried")
IDS = Reason(
    "an id is a number of 32 bits, and not the one that means none; runC cuts it, 4294967296 is root"
)
NOT_PASSED = Reason("what the caller has not passed cannot be; runC may take an fd of its own for it")
RELATIVE = Reason("a relative path of a socket is below the caller's directory; runC looks in the bundle")

# --- what is done

OWN_NAME = Reason("a container that waits shows our init, not runC's")
ENDING_SIGNALS = Reason("an init that waits for start ends at the signals that would end a program")
FAILED_START = Reason("a start that fails because of a hook is an error, and removes the container")
POSTSTART = Reason(
    "poststart hooks run in start, when the program does; a failure is a warning if the config is older "
    "than 1.3.0"
)
LESS_MEMORY = Reason("our init needs less memory, and so does a container")
NO_LEFTOVER = Reason("a failure leaves nothing, no directory and no stopped container")
NO_PROCESS = Reason("the specification: a config needs a process at start, not before")
SUB_CGROUP = Reason("the first directory that is missing is named; runC names any, with a pid that is gone")
STATISTICS = Reason("hugetlb of the unified hierarchy is counted, beside cgroup v1")
CAPABILITIES = Reason("a warning for each set of capabilities says what was left out and why")
ALL_OR_NONE = Reason(
    "a failing update says which field it was, and has nothing to warn of: all limits are as before"
)
