"""
What has nothing to do with containers. Runs in the runtime process.
"""
