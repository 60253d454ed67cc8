"""
The life of containers: what the commands do. Runs in the runtime process, in the host's namespaces.
"""
