"""Vendors' APIs in our terms: what is the same for all of them stands here, each vendor has a folder."""
