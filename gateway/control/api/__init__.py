"""The management API (specification sections 1.3, 4, 5, 6, 11, 12), one file per resource.

Each handler takes the same steps: authorize → parse → store → publish → envelope.
"""
