"""Strict budgets, proved on real processes against a provider that keeps its own bill."""
