"""Releases a version: `make release` refuses what is not ready, builds, tries the wheel, and makes the tag."""
