"""Steps between authorize and target that a gateway's settings switch on; `settings.compile_plan` lists them."""
