# Completion of persistctl's command line for bash; installed as share/bash-completion/completions/persistctl. Commands and
# options are read off --help, groups and workers asked of core-data, so that nothing is listed twice.

_persistctl_commands() { "$1" --help 2>/dev/null | sed -n '/^commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p'; }
_persistctl_options() { "$1" "$2" --help 2>/dev/null | grep -o -e '--[a-z][a-z-]*' | sort -u; }
# Not on a terminal, so there is a line for each group.
_persistctl_groups() { "$@" watch --times 1 2>/dev/null | sed -n 's/.* group=\([^ ]*\) .*/\1/p'; }
_persistctl_workers() { "$@" status 2>/dev/null | sed -n 's/^   \([^ ]*\/[^ ]*\) .*/\1/p'; }
_persistctl_jobs() { "$@" jobs 2>/dev/null | sed -n 's/^\([0-9a-f]\{8\}\) .*/\1/p'; }

_persistctl() {
    local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local i command= words=
    local -a asked=("$program")
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --url) asked+=(--url "${COMP_WORDS[++i]}") ;;
        -*) ;;
        *) [ -n "$command" ] || command=${COMP_WORDS[i]} ;;
        esac
    done
    case $command:$previous:$current in
    *:--url:*) ;;
    :*:-*) words="--url --json --help --version" ;;
    :*) words=$(_persistctl_commands "$program") ;;
    jobs:--follow:* | jobs:--cancel:* | jobs:-f:* | jobs:-c:*) words=$(_persistctl_jobs "${asked[@]}") ;;
    *:-*:-* | *:*:-*) words="--json --url --help $(_persistctl_options "$program" "$command")" ;;
    drain:*) words=$(_persistctl_workers "${asked[@]}") ;;
    status:* | copy:* | verify:* | prefer:* | promote:* | retire:* | forget:*) words=$(_persistctl_groups "${asked[@]}") ;;
    *) compopt -o default 2>/dev/null ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _persistctl persistctl
