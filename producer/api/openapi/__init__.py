"""The API's own document, /openapi.json."""
