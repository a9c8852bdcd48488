ENGINE = "kokoro"
"""What the manifests of these bundles name."""
