"""
Names and numbers of the kernel. Pure data; imports nothing.
"""
