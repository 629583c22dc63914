# bash completion for moontide: each TAB asks moontide itself, by the table of its commands.
_moontide() {
    local line cur=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    [ "$cur" = '=' ] || [ "$cur" = ':' ] && cur=
    while IFS= read -r line; do
        case $line in
        :files)
            compopt -o filenames
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
            ;;
        :directories)
            compopt -o filenames
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$cur")
            ;;
        ?*) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("${COMP_WORDS[0]}" completion bash-words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _moontide moontide
