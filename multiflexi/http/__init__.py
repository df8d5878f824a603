"""What pages and APIs share: who asks, from where, through which prefix, and how often."""
