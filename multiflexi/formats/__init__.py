"""How plain values are written in formats that several surfaces and exports share."""
