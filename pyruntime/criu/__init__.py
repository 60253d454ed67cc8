"""
The way to criu(8): its messages, and the conversation with one `criu swrk`. Runs in the runtime process.

Knows criu and nothing of containers: what of a container criu is told is in pyruntime.runtime.
"""
