"""Modules that are private to Keras, and which programs and packages import."""
