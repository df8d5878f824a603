"""The scripts that let a shell ask `multiflexi-cli _complete` what to offer."""

BASH = r"""# Completion of multiflexi-cli for bash: source <(multiflexi-cli completion bash)
_multiflexi_cli() {
    local cur words cword line offered=()
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n : cur words cword
    else
        line=${COMP_LINE:0:COMP_POINT}
        read -ra words <<<"$line"
        [[ $line == *[[:space:]] ]] && words+=("")
        cword=$((${#words[@]} - 1))
        cur=${words[cword]}
    fi
    local word arguments=()
    for word in "${words[@]}"; do arguments+=("--input=$word"); done
    while IFS= read -r line; do offered+=("$line"); done < <(
        "${words[0]}" _complete --shell=bash --current="$cword" "${arguments[@]}" 2>/dev/null
    )
    # Colons are word breaks: what stands in front of the last one is on the line already.
    local front=""
    [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]] && front=${cur%"${cur##*:}"}
    COMPREPLY=()
    for word in "${offered[@]}"; do COMPREPLY+=("${word#"$front"}"); done
}
complete -o default -F _multiflexi_cli multiflexi-cli multiflexi
"""

ZSH = r"""#compdef multiflexi-cli multiflexi
# Completion of multiflexi-cli for zsh: source <(multiflexi-cli completion zsh), or a file _multiflexi-cli in fpath
_multiflexi_cli() {
    local line
    local -a arguments offered
    for line in "${words[@]}"; do arguments+=("--input=$line"); done
    while IFS= read -r line; do
        offered+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done < <("${words[1]}" _complete --shell=zsh --current=$((CURRENT - 1)) "${arguments[@]}" 2>/dev/null)
    (( ${#offered} )) && _describe multiflexi-cli offered || _files
}
if [[ ${funcstack[1]} == _multiflexi-cli ]]; then
    _multiflexi_cli "$@"
else
    compdef _multiflexi_cli multiflexi-cli multiflexi
fi
"""

FISH = r"""# Completion of multiflexi-cli for fish: multiflexi-cli completion fish | source
function __multiflexi_cli
    set -l words (commandline -opc) (commandline -ct)
    set -l last (math (count $words) - 1)
    $words[1] _complete --shell=fish --current=$last "--input="$words 2>/dev/null
end
complete -c multiflexi-cli -a '(__multiflexi_cli)'
complete -c multiflexi -a '(__multiflexi_cli)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
