"""Configuration: settings, YAML files and the URL of Redis."""
