"""Bundles, ONNX sessions, and worker processes that hold a model."""
