"""Other job queues, which run the same command and keep its output; they live in an environment of their own."""
