"""
The container's cgroups: where they are, what limits them, how they end. Runs in the runtime process, in the
host's namespaces.
"""
