"""The wire on one port: sessions, pages, health and metrics."""
