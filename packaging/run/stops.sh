# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the stops of a tour share. To be sourced.

if ! command -v lodge >/dev/null; then
	PATH=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../build" && pwd):$PATH
fi
passed=0 failed=0

heading()
{
	if [[ -t 1 ]]; then
		printf '\n\033[1m%s\033[0m\n' "$1"
	else
		printf '\n%s\n' "$1"
	fi
}

# show COMMAND...: the command as one would type it, then what it prints, indented.
show()
{
	printf '  $ %s\n' "$*"
	"$@" 2>&1 | sed -u 's/^/    /'
}

# right CONDITION...: counts one check.
right()
{
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '  This is not as it should be: %s\n' "$*"
	fi
}

# in_time COMMAND...: tried again until it succeeds, for 20 s at most.
in_time()
{
	local try
	for ((try = 0; try < 100; try++)); do
		if "$@" 2>/dev/null; then
			return
		fi
		sleep 0.2
	done
	return 1
}

# tell_result NAME: the last line; fails if a check did.
tell_result()
{
	printf '\n%s: %d passed, %d failed\n' "$1" "$passed" "$failed"
	((!failed))
}
