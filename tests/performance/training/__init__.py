"""Recipes that train what benchmarks and the laboratory notes measure, and nothing that is shipped."""
