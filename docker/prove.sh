#!/bin/bash
# Proves the Dockerfile without Docker: takes its COPY and RUN lines in order and carries them out, then starts the
# gateway with compose's configuration and waits until it is ready.
#
#   docker/prove.sh --list    only print the RUN lines
#   docker/prove.sh           carry them out on this machine, a fresh Debian 12 (as root: packages, a user, /opt/kinbridge)
#
# The files go to $ROOT (default: /, as in the image).
set -euo pipefail
source_folder=$(cd "$(dirname "$0")/.." && pwd)
dockerfile=$source_folder/docker/Dockerfile
root=${ROOT:-}

instructions() { # continued lines joined, comments and empty lines left out
    sed -e ':join' -e '/\\$/{N;s/\\\n[ \t]*//;b join' -e '}' "$dockerfile" | grep -Ev '^(#|$)'
}

if [ "${1:-}" = --list ]; then
    instructions | sed -n 's/^RUN //p'
    exit
fi

[ "$(id -u)" -eq 0 ] || { echo "prove.sh: it installs packages and makes a user; run it as root" >&2; exit 1; }
folder=$root/
while read -r word rest; do
    case "$word" in
        WORKDIR)
            folder=$root$rest
            mkdir -p "$folder"
            ;;
        COPY)
            read -ra parts <<<"$rest"
            target=$folder/${parts[-1]}
            unset 'parts[-1]'
            for each in "${parts[@]}"; do
                if [ -d "$source_folder/$each" ]; then # as Docker does: the folder's content goes into the target
                    mkdir -p "$target" && cp -a "$source_folder/$each/." "$target/"
                else
                    cp -a "$source_folder/$each" "$target"
                fi
            done
            ;;
        RUN)
            printf '==> %s\n' "$rest"
            (cd "$folder" && sh -c "$rest") </dev/null
            ;;
        USER)
            break
            ;;
    esac
done < <(instructions)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$source_folder/dialplans" "$work/"
sed -e "s#sqlite:////var/lib/kinbridge/#sqlite:///$work/#" -e 's#^  url: mqtt://.*#  url: ""#' \
    "$source_folder/docker/kinbridge.yaml" >"$work/kinbridge.yaml"
kinbridge=$root/opt/kinbridge/.venv/bin/kinbridge
printf '==> kinbridge serve\n'
"$kinbridge" serve --config "$work/kinbridge.yaml" &
gateway=$!
for _ in $(seq 100); do
    if "$root/opt/kinbridge/.venv/bin/python" -c \
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)" 2>/dev/null; then
        kill -TERM "$gateway"
        wait "$gateway"
        echo "==> ready, and stopped in order: the image's steps hold"
        exit 0
    fi
    kill -0 "$gateway" 2>/dev/null || break
    sleep 0.2
done
kill -TERM "$gateway" 2>/dev/null || true
echo "prove.sh: the gateway did not become ready" >&2
exit 1
