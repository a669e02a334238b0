# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Completion of lodge for bash: commands, their options (from their help), VMs, and files.

# The option words of a command, as its help lists them.
_lodge_options()
{
	lodge "$1" --help 2>/dev/null | grep -oE -- '(^|[ ,])--?[a-z][a-z-]*' | tr -d ' ,'
}

# What the value of an option may be.
_lodge_value()
{
	case $1 in
	--accel) printf '%s\n' auto kvm tcg ;;
	--net) printf '%s\n' user none ;;
	--memory-sharing) printf '%s\n' on off ;;
	--sort | -s) printf '%s\n' name cpu memory pressure ;;
	--on-reboot) printf '%s\n' restart stop ;;
	--on-panic) printf '%s\n' stop restart pause ;;
	--clipboard) printf '%s\n' both off all text to-guest to-host to-guest= to-host= ;;
	--to-guest | --to-host) printf '%s\n' off text all ;;
	--cache) printf '%s\n' never auto always ;;
	--owner) printf '%s\n' map squash pass ;;
	--with-primary) printf '%s\n' on off ;;
	--format) printf '%s\n' png raw ;;
	--type | -t) printf '%s\n' text/plain text/html image/png ;;
	*) return 1 ;;
	esac
}

_lodge()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]:-} words
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		words=$(lodge help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')
	elif [[ $current == -* ]]; then
		words=$(_lodge_options "$command")
	elif ! words=$(_lodge_value "$previous"); then
		case $command in
		help) words=$(lodge help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p') ;;
		info | console | exec | shell | stop | kill | reboot | pause | resume | attach | ping | view | type)
			words=$(lodge ls -q 2>/dev/null)
			;;
		screen)
			if ((COMP_CWORD > 2)); then
				compopt -o filenames
				mapfile -t COMPREPLY < <(compgen -f -- "$current")
				return
			fi
			words=$(lodge ls -q 2>/dev/null)
			;;
		mount | umount)
			if [[ $command == umount ]] || ((COMP_CWORD > 2)); then
				compopt -o filenames
				mapfile -t COMPREPLY < <(compgen -d -- "$current")
				return
			fi
			words=$(lodge ls -q 2>/dev/null)
			;;
		share)
			case $COMP_CWORD in
			2) words='add rm ls' ;;
			3) words=$(lodge ls -q 2>/dev/null) ;;
			4)
				[[ ${COMP_WORDS[2]} != rm ]] ||
					words=$(lodge share ls --json "${COMP_WORDS[3]}" 2>/dev/null |
						sed -n 's/^ *"name": *"\(.*\)".*/\1/p')
				;;
			5)
				compopt -o filenames
				mapfile -t COMPREPLY < <(compgen -d -- "$current")
				return
				;;
			*) words= ;;
			esac
			;;
		memory)
			case $COMP_CWORD in
			2) words="$(lodge ls -q 2>/dev/null) policy" ;;
			*)
				words='auto off'
				[[ " ${COMP_WORDS[*]} " != *' policy '* ]] ||
					words='on off dry-run speed=calm speed=normal speed=quick reserve= total= ksm=on ksm=off overcommit=on overcommit=off'
				[[ " ${COMP_WORDS[*]} " != *' --why '* ]] || words=$(lodge ls -q 2>/dev/null)
				;;
			esac
			;;
		clipboard)
			((COMP_CWORD > 2)) && words='get set policy' || words=$(lodge ls -q 2>/dev/null)
			;;
		display)
			((COMP_CWORD > 2)) && words='1280x720 1920x1080 2560x1440 3840x2160' ||
				words=$(lodge ls -q 2>/dev/null)
			;;
		key)
			((COMP_CWORD > 2)) && words='enter escape tab ctrl-alt-delete ctrl-alt-f1 ctrl-alt-f2' ||
				words=$(lodge ls -q 2>/dev/null)
			;;
		cp)
			mapfile -t COMPREPLY < <(compgen -W "$(lodge ls -q 2>/dev/null)" -S ':/' \
				-- "$current" && compopt -o nospace; compgen -f -- "$current")
			return
			;;
		run)
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
			return
			;;
		*) words= ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _lodge lodge
