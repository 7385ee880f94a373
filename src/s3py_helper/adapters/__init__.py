"""One folder for each technology. Adapters translate and hold no policy; they do not know each other.

Each has a `config` (its settings, free of heavy imports) and a `mount` (opens the backend for the container).
"""
