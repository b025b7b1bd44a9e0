# shellcheck shell=bash disable=SC2154 # the caller assigns `scratch`
# Functions that push an image to a registry with skopeo. Source this file after lib.sh, do not run
# it. The caller sets `scratch` to a directory that it removes at its end. The credentials are those
# of skopeo: the file of `docker login`, `podman login` or `skopeo login`, or $REGISTRY_USER and
# $REGISTRY_PASSWORD. No message contains a password.

need_skopeo() { command -v skopeo >/dev/null || install_packages skopeo skopeo; }

# tls_option IMAGE: prints the option, without its dashes, that requires TLS with a trusted
# certificate. A registry on a loopback address may have plain HTTP, because nothing leaves the
# machine.
tls_option() {
    local host=${1%%/*}
    if [[ ${host%:*} == localhost || ${host%:*} =~ ^127(\.[0-9]{1,3}){3}$ ]]; then
        echo tls-verify=false
    else
        # Also overrides `insecure` in registries.conf.
        echo tls-verify=true
    fi
}

# registry_error IMAGE: prints the cause of skopeo's failure and its message, and exits.
registry_error() {
    local host=${1%%/*} message cause
    message=$(sed -n 's/.*level=fatal msg="\(.*\)"$/\1/p' "$scratch/errors" | sed 's/\\"/"/g')
    [[ -n $message ]] || message=$(tail -n 3 "$scratch/errors")
    case ${message,,} in
    *'http response to https client'* | *'look like a tls'*)
        cause="$host has no TLS: plain HTTP is allowed only for a registry on localhost or 127.0.0.1"
        ;;
    *x509:*) cause="the certificate of $host is not trusted: install its CA on this machine" ;;
    *unauthorized* | *denied* | *forbidden* | *'invalid username/password'*)
        cause="$host denied access: run \`docker login $host\`, or set REGISTRY_USER and REGISTRY_PASSWORD"
        ;;
    *'dial tcp'* | *timeout* | *'deadline exceeded'*)
        cause="cannot reach $host"
        ;;
    *) cause="$host failed" ;;
    esac
    die "$cause ($message)"
}

# log_in IMAGE FILE: logs in to the registry of IMAGE if $REGISTRY_USER is set. Writes the
# credentials to FILE, which skopeo then uses in place of the user's file.
log_in() {
    if [[ -z ${REGISTRY_USER:-} ]]; then
        [[ -z ${REGISTRY_PASSWORD:-} ]] || die "REGISTRY_PASSWORD needs REGISTRY_USER"
        return 0
    fi
    [[ -n ${REGISTRY_PASSWORD:-} ]] || die "REGISTRY_USER needs REGISTRY_PASSWORD"
    export REGISTRY_AUTH_FILE=$2
    printf '%s' "$REGISTRY_PASSWORD" |
        skopeo --command-timeout 60s login "--$(tls_option "$1")" --username "$REGISTRY_USER" --password-stdin "${1%%/*}" \
            >/dev/null 2>"$scratch/errors" || registry_error "$1"
}

# published_digest IMAGE: prints the digest of the manifest that the registry serves, computed from
# its bytes. Prints nothing if the registry has no such image. Any other failure is an error: it
# does not show that the image is missing.
published_digest() {
    if skopeo --command-timeout 60s inspect "--$(tls_option "$1")" --raw "docker://$1" \
        >"$scratch/manifest" 2>"$scratch/errors"; then
        printf 'sha256:%s\n' "$(sha256sum <"$scratch/manifest" | cut -d' ' -f1)"
    elif ! grep -qiE '(manifest|name) unknown|not found' "$scratch/errors"; then
        registry_error "$1"
    fi
}

# push_image LAYOUT IMAGE DIGEST: pushes an image of an OCI layout (oci:DIRECTORY:TAG) as IMAGE
# (name:tag), without a change of its digest. A tag never changes: another digest under the tag is
# an error.
push_image() {
    local layout=$1 image=$2 digest=$3 published
    published=$(published_digest "$image")
    if [[ $published == "$digest" ]]; then
        say "$image is already in the registry with this digest."
        return 0
    fi
    [[ -z $published ]] || die "$image already has another digest. A published version must never change:" \
        "set another version, or IMAGE_TAG for \`make push\` (published $published, built $digest)"
    skopeo --command-timeout 600s copy "--dest-$(tls_option "$image")" --preserve-digests "$layout" "docker://$image" \
        >/dev/null 2>"$scratch/errors" || registry_error "$image"
    published=$(published_digest "$image")
    [[ $published == "$digest" ]] || die "the registry serves ${published:-no manifest}, but $digest was pushed"
}
