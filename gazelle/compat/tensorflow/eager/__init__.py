"""Tapes, compiled functions and control flow: how calls on tensors are recorded, traced and compiled."""
