"""Training the default models: everything here needs the extra ``thinlens[train]``."""
