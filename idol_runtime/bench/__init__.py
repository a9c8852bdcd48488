"""Measurements that anyone can run again: what a turn costs, what a frame costs."""
