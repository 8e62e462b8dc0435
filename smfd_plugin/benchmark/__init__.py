"""Measurements: of our own speed, and of our quality beside others'."""
