"""What the manual says about each program beside its options: a summary, exit codes, settings."""

from __future__ import annotations

from collections.abc import Iterator

from daemons.executor import __main__ as executor
from daemons.scheduler import __main__ as scheduler
from multiflexi.cli import job_files
from multiflexi.cli.program_pages import Program
from multiflexi.cli.programs import former, json2apps, migrator, settings_merge
from multiflexi.serving import program as web

CLI = ("multiflexi-cli", 1)
SHARED = ("Database", "Encryption", "Installation", "Logging")
DAEMON = (*SHARED, "Daemons", "Monitoring")
SETTING = (78, "a required setting is missing or a setting has an unusable value; the message names it")
USE = (2, "wrong use, or the settings file cannot be read")
INTERRUPTED = (130, "interrupted")
REFUSED = (1, "refused: not found, against a rule, or the database cannot be used")
DONE = (0, "done")
LOOP = (
    (0, "an orderly end"),
    (1, "the name of the instance is taken, or a single cycle failed"),
    (2, "unknown option"),
    SETTING,
)
ONE_JOB = (
    (0, "an orderly end of the daemon; the job succeeded"),
    (1, "no mode, refused, not found, or the job has no exit code; the name of the instance is taken"),
    USE,
    (75, "a credential kept the job from running"),
    SETTING,
    (124, "the job has not ended within the time limit of -t and goes on; or it exceeded its own"),
    INTERRUPTED,
)
ANY = "Any other code is that of the job."


def programs() -> list[Program]:
    """All programs but the command line itself, by name."""
    return sorted([*_present(), *_former()], key=lambda one: one.name)


def _present() -> Iterator[Program]:
    yield Program(
        "multiflexi",
        1,
        "the command line for root and members of a group",
        None,
        ((1, "the caller is neither root nor a member of the group"),),
        about="Runs multiflexi-cli with the same arguments and exit code when root or a member of group multiflexi "
        "calls it; everybody else is told what is missing.",
    )
    yield Program(
        "multiflexi-executor",
        8,
        "run jobs that are due, or one job",
        executor.make_parser("multiflexi-executor"),
        ONE_JOB,
        (*DAEMON, "Executor", "Jobs", "Credentials"),
        (("multiflexi-run-template", 1), ("multiflexi-scheduler", 8), CLI),
        ANY,
    )
    for name, parser in (
        (job_files.JOB2ENV, job_files.job2env_parser()),
        (job_files.JOB2SCRIPT, job_files.job2script_parser()),
    ):
        summary = "write the variables of a job" if name == job_files.JOB2ENV else "write a script that repeats a job"
        codes = (DONE, (1, "no id, no such job, or the file cannot be written"), USE, SETTING, INTERRUPTED)
        see = ((job_files.JOB2SCRIPT if name == job_files.JOB2ENV else job_files.JOB2ENV, 1), CLI)
        yield Program(name, 1, summary, parser, codes, see=see)
    yield Program(
        json2apps.PROGRAM,
        1,
        "import the definitions of all installed applications",
        json2apps.parser(),
        (
            (0, "all definitions were accepted, or there are none"),
            (1, "a definition was rejected"),
            (2, "wrong use, or a file cannot be read"),
            SETTING,
            INTERRUPTED,
        ),
        see=(("multiflexi-cli-application", 1),),
    )
    yield Program(
        migrator.PROGRAM,
        1,
        "bring the tables of the database up to date",
        migrator.parser(),
        (
            (0, "the tables are up to date"),
            (1, "with --check: there is something to do; else the database cannot be used"),
            USE,
            (3, "the database holds the tables of something else and was not touched"),
            (75, "another process has been changing the tables for ten minutes"),
            SETTING,
            INTERRUPTED,
        ),
        ("Database",),
        ((settings_merge.PROGRAM, 1), CLI),
    )
    yield Program(
        "multiflexi-run-template",
        1,
        "make a job of a run template, wait for it and show what it said",
        executor.make_parser("multiflexi-run-template"),
        ONE_JOB,
        (*SHARED, "Executor"),
        (("multiflexi-executor", 8), CLI),
        f"The same program as multiflexi-executor under another name. {ANY}",
    )
    yield Program(
        "multiflexi-scheduler",
        8,
        "make jobs when their schedules are due",
        scheduler.make_parser(),
        LOOP,
        (*DAEMON, "Scheduler"),
        (("multiflexi-executor", 8), CLI),
    )
    yield Program(
        web.NAME, 8, "serve pages and APIs", web.make_parser(), LOOP, (*SHARED, "Web", "Sign-in", "REST API"), (CLI,)
    )
    yield Program(
        settings_merge.PROGRAM,
        1,
        "take the settings of the database package over",
        settings_merge.parser(),
        (DONE, USE, SETTING, INTERRUPTED),
        see=((migrator.PROGRAM, 1),),
    )


def _former() -> Iterator[Program]:
    parsers = {
        former.APP2JSON: (former.app2json_parser(), "write the definition of an application"),
        former.JSON2APP: (former.json2app_parser(), "import the definition of an application"),
        former.REMOVER: (former.remover_parser(), "remove the application of a definition"),
        former.PHINX: (former.phinx_parser(), "bring the tables up to date"),
        former.TRIGGER: (former.trigger_parser(), "make a job of a run template"),
    }
    for name, (parser, summary) in parsers.items():
        see = (migrator.PROGRAM, 1) if name == former.PHINX else CLI
        codes = (DONE, REFUSED, USE, SETTING, INTERRUPTED)
        yield Program(name, 1, f"{summary} (deprecated)", parser, codes, see=(see,))
