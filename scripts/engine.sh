# shellcheck shell=bash disable=SC2154 # lib.sh assigns `root`, the caller `scratch`
# Functions that start Docker's daemon for a test on a machine where no container engine runs.
# Source this file after lib.sh, do not run it.

# start_engine: starts a daemon with its own socket, and selects it with $DOCKER_HOST. Its images
# stay in target/engine, as a cache for the next run. Needs root. The caller calls stop_engine at
# its end.
start_engine() {
    local second data=$root/target/engine
    command -v dockerd >/dev/null || install_packages "a container engine" docker.io
    # The package starts its service on a machine with an init system.
    ! docker info >/dev/null 2>&1 || return 0
    [[ $(id -u) == 0 ]] || die "no container engine runs: start one, or run this test as root"
    say "No container engine runs: starting Docker's daemon for this test."
    forward_policy=$(iptables -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD //p')
    ip_forward=$(cat /proc/sys/net/ipv4/ip_forward)
    mkdir -p "$data"
    export DOCKER_HOST=unix://$scratch/docker.sock
    # Its own process group: Ctrl-C would stop the daemon before the caller removes the containers.
    setsid dockerd --host "$DOCKER_HOST" --data-root "$data" --exec-root "$scratch/docker" \
        --pidfile "$scratch/docker.pid" >"$scratch/dockerd.log" 2>&1 </dev/null &
    engine=$!
    for ((second = 0; second < 60; second++)); do
        ! docker info >/dev/null 2>&1 || return 0
        kill -0 "$engine" 2>/dev/null || break
        sleep 1
    done
    die "dockerd does not run: $(grep -v level=info "$scratch/dockerd.log" | tail -n 3)"
}

# stop_engine: stops the daemon of start_engine, if it runs.
stop_engine() {
    [[ -n ${engine:-} ]] || return 0
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    # The daemon has enabled forwarding with the policy DROP, and does not restore them.
    echo "$ip_forward" >/proc/sys/net/ipv4/ip_forward || true
    [[ -z $forward_policy ]] || iptables -P FORWARD "$forward_policy" || true
}
