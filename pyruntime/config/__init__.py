"""
config.json and process.json: read and checked. Runs in the runtime process.
"""
