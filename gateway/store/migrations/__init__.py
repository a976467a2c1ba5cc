"""One module per step of the schema, by number. Steps spell their columns out: `tables` moves on, they stay."""
