"""Makes the sample statements and the figures expected of them; knows nothing of the reader."""
