"""The floor below an executor's cost: the same processes, files and rows, by hand-written SQL and without the platform.

It keeps the promises that cost something on every job: a claim with lease and token is committed before the start, the
start is committed before anything runs, the wrapper leaves the exit status in the spool, and everything that is kept of
the end is written in one transaction for a batch. It leaves out what a real executor cannot: fairness, limits,
environments, masking, adoption, stopping, errors. Any executor of this design costs at least this much.
"""
