"""Everything offline: understanding photos, the library, the bundle, and training (see README.md)."""
