#!/bin/sh
# A gently busy machine for `cargo xtask run`: ordinary programs that send each other signals, about
# three rounds a second, until the machine goes down. Wants a controlling terminal for job control:
#     setsid -c sh -m live.sh <>/dev/tty1

# Programs are known to a tracer by the name they are started under: hence the links, and the paths,
# without which busybox starts its own programs as "exe".
mkdir -p /tmp/demo && cd /tmp/demo || exit
for name in signalfd-daemon thread-pool queue-sender supervisor sleeper; do
    ln -sf /payload/demo "$name"
done

start_daemon() {
    # It inherits that SIGHUP is ignored, so that one that comes before it listens does not end it.
    trap '' HUP
    ./signalfd-daemon &
    daemon=$!
    trap 'echo reloaded' HUP
}

start_daemon
round=0
while :; do
    # Job control: a job is stopped, continued and ended, as a whole process group.
    /bin/sleep 9 &
    kill -STOP %%
    kill -CONT %%
    kill %%
    wait $! 2>/dev/null

    # A service is asked to reload, and whether it is still there.
    kill -HUP "$daemon"
    kill -0 "$daemon"

    # One at a time, so that each comes by every other second.
    case $((round % 6)) in
        0) /bin/timeout 0.05 /bin/sleep 9 ;;
        1) ./thread-pool ;;
        2) ./queue-sender ;;
        3) ./supervisor ;;
        4) ./sleeper; kill -HUP $$ ;;
        5) kill "$daemon"; wait "$daemon" 2>/dev/null; start_daemon ;;
    esac
    round=$((round + 1))
    /bin/sleep 0.2
done
