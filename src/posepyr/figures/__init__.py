"""Procedurally drawn people: data that needs no download."""
