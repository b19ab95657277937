#!/bin/sh
# need.sh cargo     fails with one sentence when there is no cargo that is new enough
# need.sh python    prints a Python that is new enough, or fails with one sentence; $PYTHON comes first
set -eu
cd "${0%/*}/.."

case "${1-}" in
cargo)
    least=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    if ! command -v cargo >/dev/null 2>&1; then
        echo "neocalc needs Rust $least or newer and finds no cargo: install it from https://rustup.rs and run make again." >&2
        exit 1
    fi
    found=$(cargo --version 2>/dev/null | sed 's/^cargo \([0-9.]*\).*/\1/')
    lower=$(printf '%s\n%s\n' "$least" "$found" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)
    if [ "$lower" != "$least" ]; then
        echo "neocalc needs Rust $least or newer and finds cargo ${found:-that does not run}: run 'rustup update stable' and make again." >&2
        exit 1
    fi
    ;;
python)
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3.13 python3.12 python3.11 python3.14 python3 python
    fi
    for python; do
        # A pyenv shim can exist and still refuse to run: ask it.
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$python"
            exit 0
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        echo "neocalc needs Python 3.11 or newer, and PYTHON=$PYTHON is not: name another, or leave PYTHON out." >&2
    else
        echo "neocalc needs Python 3.11 or newer and finds none: install one, or name it, as in 'make PYTHON=/path/to/python3.12 test'." >&2
    fi
    exit 1
    ;;
*)
    echo "usage: need.sh cargo|python" >&2
    exit 2
    ;;
esac
