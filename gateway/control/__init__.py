"""Floor 5: the control plane. Store, management API, publisher of settings, recorder of facts, ops listener."""
