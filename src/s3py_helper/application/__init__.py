"""The use cases, and the ports through which they reach the world.

What is the same for every backend lives here, once.
"""
