"""Calls that show what commands are for; help and man pages print them, and a test parses each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from multiflexi.cli.main import PROGRAM

REMARK = "  # "
# One call in each line, without the name of the program; what follows two blanks and # tells why.
CALLS = """
help run-template:create
list job
completion bash
version -f json
describe
application:list --search bank
application:get abraflexi-mailer
application:create --name Backup --executable /usr/local/bin/backup --cmdparams="--target {TARGET}"
application:update backup --appversion 1.2
application:delete backup --dry-run
application:show-config backup
application:validate-json backup.app.json
application:import-json backup.app.json --dry-run
application:import-json /usr/lib/backup/multiflexi --keep-going  # every JSON file of a directory
application:export-json backup --file backup.app.json
application:remove-json backup.app.json --dry-run
artifact:list --job 42
artifact:get 7 --output report.pdf
artifact:show 7
artifact:save 7 --file -  # the content goes to standard output
artifact:delete 7
company:list --enabled 1
company:get acme -f json
company:create --name "Acme Corp" --ic 12345678 --email office@acme.example
company:update acme --timezone Europe/Prague
company:update acme --enabled 0  # its run templates are not scheduled any more
company:remove acme --dry-run  # tells what depends on it
company:env set --company acme --key REGION --value eu
company:env set --company acme --key API_TOKEN --value - --secret  # read from standard input, kept sealed
company-app:list --company acme
company-app:assign --company acme --app backup
company-app:unassign --company acme --app backup --dry-run
credential:list --company acme
credential:get 5
credential:get 5 --reveal --reason "bank asked for it"  # the audit trail will say so
credential:create --name "Main account" --company acme --credential-type-id 3 --field-stdin FIO_TOKEN
credential:update 5 --field-file FIO_TOKEN:/run/secrets/fio
credential:remove 5 --dry-run
credential:encrypt-existing --dry-run
credential:check --company acme --refresh
credential-prototype:list --search bank
credential-prototype:get --code FioBank
credential-prototype:create --code Shop --name "Web shop"
credential-prototype:update --code Shop --url https://shop.example
credential-prototype:delete --code Shop --dry-run
credential-prototype:sync
credential-prototype:import-json shop.credprototype.json
credential-prototype:export-json --code Shop --file shop.credprototype.json
credential-prototype:validate-json shop.credprototype.json
credential-type:list --company acme
credential-type:get 3
credential-type:create --company acme --prototype FioBank --label "Fio of the firm"
credential-type:update 3 --name "Fio"
credential-type:delete 3 --dry-run
credential-type:import-json fio.json --company acme
credential-type:export-json 3 --file fio.json
credential-type:remove-json fio.json --company acme --dry-run
credential-type:validate-json fio.json
encryption:status
encryption:init
encryption:rotate --dry-run  # how much there is to seal again
encryption:rotate --master  # after ENCRYPTION_MASTER_KEY has changed
encryption:verify --limit 1000
audit:list --company acme --from today
audit:verify
audit:export --from 2026-01-01 --to 2026-02-01 -f csv --output january.csv
event-rule:list --event_source_id 2
event-rule:get 4
event-rule:create --event_source_id 2 --runtemplate_id 42 --evidence faktura-vydana --env_mapping '{"ID": "recordid"}'
event-rule:update 4 --enabled 0
event-rule:remove 4 --dry-run
event-source:list
event-source:get 2
event-source:create --name Invoices --adapter_type abraflexi-webhook --db_database webhooks --db_username reader
event-source:update 2 --poll_interval 30
event-source:remove 2 --dry-run
event-source:test 2
executor:check --executor Native
job:list --status failed --since today
job:list --company acme --fields id,status,exitcode -f csv
job:get 42 -f json
job:status  # numbers of all jobs
job:status 42
job:create --template 7 --scheduled "+2 hours"
job:create --template 7 --env DATE=2026-01-31 --wait
job:update 42 --scheduled tomorrow
job:delete 42 --dry-run
job:retry 42 --wait
job:retry --blocked-by 5  # all that credential 5 has blocked
job:cancel 42 43 --reason "wrong day"
job:stop 42 --wait
job:run 42
job:explain 42
job:cleanup --days 90 --dry-run
job:logs 42 --follow
job:logs 42 --stderr --tail 20
job:artifacts 42 --file stdout.txt
limit:list --company acme
limit:get 1
limit:create --name "Fio API" --maximum 1 --company acme
limit:update 1 --maximum 2
limit:delete 1
queue:overview
queue:list --limit 20
queue:fix --dry-run
queue:truncate --dry-run
queue:process --limit 10
queue:clear --blocked
run-template:list --company acme --active 1
run-template:get 7
run-template:get 7 --env-only  # only the environment its jobs get
run-template:create --name "Statements" --app fio-statements --company acme --interval daily --deadline_offset 06:30
run-template:create --name "Probe" --app probe --company acme --cron "*/5 8-17 * * 1-5"
run-template:update 7 --max_retries 3 --retry_delay 300
run-template:delete 7 --dry-run
run-template:clone 7 --name "Statements of the second account"
run-template:schedule 7 --env DATE=2026-01-31 --wait
run-template:preview 7  # nothing is run
run-template:explain 7
run-template:stale --tolerance-hours 2
run-template:assign-credential 7 --credential_id 5
run-template:unassign-credential 7 --credential_id 5
run-template:list-credentials 7
security:allowlist add --network 192.0.2.0/24 --note office
security:allowlist --disable  # the way in when the list has locked everybody out
setup:init
setup:code
task:list --state missed
task:get 9 --with-jobs
task:status
task:summary --company acme --from 2026-01-01 --to 2026-02-01
telemetry:test --endpoint http://localhost:4318
token:list --user jana
token:get 3
token:create --user jana --label backup
token:generate --user jana --label backup --until 2027-01-01
token:update 3 --label "backup of the office"
token:revoke 3
token:delete 3 --dry-run
user:list --enabled 1
user:get jana
user:create --login jana --email jana@acme.example --plaintext -  # the password is read from standard input
user:update jana --enabled 0
user:delete jana --dry-run
user:unlock jana
user:reset-2fa jana
user-company:list --company acme
user-company:assign --company acme --login jana --role manager
user-company:unassign --company acme --login jana
user-erasure:list --status pending
user-erasure:create --user-login jana --deletion-type anonymize --reason "asked by letter"
user-erasure:approve 1
user-erasure:reject 1 --reason "the contract still runs"
user-erasure:process 1 --dry-run
user-erasure:audit 1 --export-audit steps.csv
user-erasure:cleanup --dry-run
user-role:list
user-role:set --login jana --roles admin
worker:list
worker:get executor-1
worker:drain executor-1 --wait
worker:resume executor-1
apply -f office.yaml --dry-run  # shows the difference
apply -f office.yaml
export --company acme --output acme.yaml
config:check
config:check --key DB_CONNECTION --defaults
doctor
doctor --only database,queue -f json
status -f json
prune --logs --jobs --keep 10000 --dry-run
"""


def of(name: str, translated: Callable[[str], str] = str) -> list[str]:
    """The calls that show the command `noun:action`, each with its remark."""
    return [
        f"{PROGRAM} {call}{f'{REMARK}{translated(remark)}' if remark else ''}"
        for call, _sign, remark in _lines()
        if call.partition(" ")[0] == name
    ]


def remarks() -> list[str]:
    """What the remarks tell people."""
    return [remark for _call, _sign, remark in _lines() if remark]


def _lines() -> Iterator[tuple[str, str, str]]:
    return (line.partition(REMARK) for line in CALLS.strip().splitlines())
