"""What a person or a client may ask for: one module per noun, with rule, transaction and audit in one place."""
