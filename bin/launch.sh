# Runs $program, a module and its function, from the source tree with the tree's own environment when it has one.
# To be read by the programs beside it.
root=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
python=python3
[ -x "$root/.venv/bin/python" ] && python=$root/.venv/bin/python
# -P: what lies in the directory of the caller must not be taken for a part of the program.
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$python" -P -c \
  "import sys; del sys.argv[0]; from ${program%:*} import ${program#*:} as main; sys.exit(main())" "${0##*/}" "$@"
