"""Metrics of earlier versions, and what their names in `compile` meant."""
