# fish completion for moontide: each TAB asks moontide itself, by the table of its commands.
function __moontide_words
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    for line in ($typed[1] completion words $typed[2..] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$current"
            case ':directories'
                __fish_complete_directories "$current" ''
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c moontide -f -a '(__moontide_words)'
