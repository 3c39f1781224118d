"""Optimizers of earlier versions: their computation, and base classes of those that programs define."""
