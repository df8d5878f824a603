"""Procrastinate's half: `schema`, `defer NUMBER`, or `work PLACES` until it is asked to stop."""

import asyncio
import os
import sys

import procrastinate

ACCESS = {
    "host": os.environ["DB_HOST"],
    "port": os.environ["DB_PORT"],
    "dbname": os.environ["DB_DATABASE"],
    "user": os.environ["DB_USERNAME"],
    "password": os.environ["DB_PASSWORD"],
}
app = procrastinate.App(connector=procrastinate.PsycopgConnector(kwargs=ACCESS))
# Without a key: a job that ran twice shows as two rows.
RESULTS = "CREATE TABLE peer_result (number int, exitcode int, stdout bytea, stderr bytea)"
KEEP = "INSERT INTO peer_result VALUES (%(number)s, %(code)s, %(out)s, %(err)s)"


@app.task(name="run")
async def run(number: int) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("/bin/echo", str(number), stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    await app.connector.execute_query_async(KEEP, number=number, code=process.returncode, out=out, err=err)


async def main(command: str, *words: str) -> None:
    async with app.open_async():
        if command == "schema":
            await app.schema_manager.apply_schema_async()
            await app.connector.execute_query_async(RESULTS)
        elif command == "defer":
            await run.batch_defer_async(*({"number": number} for number in range(int(words[0]))))
        else:
            print("ready", flush=True)
            await app.run_worker_async(concurrency=int(words[0]))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
