"""The runtime and the contract: everything that reads a bundle and answers from it."""
