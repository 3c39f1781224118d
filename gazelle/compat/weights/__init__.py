"""Weights in earlier versions: their order, their initial values, and those computed from others."""
