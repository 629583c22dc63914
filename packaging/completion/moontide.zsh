#compdef moontide
# zsh completion for moontide: each TAB asks moontide itself, by the table of its commands.
_moontide() {
    local line name
    local -a found
    for line in "${(@f)$("${words[1]}" completion words "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
        case $line in
        :files)
            compset -P '*[=:]'
            _files
            ;;
        :directories)
            compset -P '*[=:]'
            _files -/
            ;;
        ?*)
            name=${line%%$'\t'*}
            found+=("${name//:/\\:}:${line#*$'\t'}")
            ;;
        esac
    done
    (( $#found )) && _describe -t moontide moontide found
}
if [[ $funcstack[1] == _moontide ]]; then
    _moontide "$@"
else
    compdef _moontide moontide
fi
