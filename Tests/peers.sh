#!/usr/bin/env bash
#
# Makes the Python that the tests' peers run in, unless it is there: a virtual environment in .build/peers with commlib-py
# and what that needs, in the versions that requirements.txt names. Prints the path of its interpreter.

set -euo pipefail

CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=/dev/null
. Tests/packages.sh

requirements=$PWD/Tests/Brokers/Interop/Peers/requirements.txt
# By itself: what its package asks for beside paho-mqtt and pika is for a part of it that works no more.
alone=mulay==0.3.0
environment=$PWD/.build/peers
interpreter=$environment/bin/python3

require_python >&2
mkdir -p .build
(
    # Test processes may ask at the same time.
    ! command -v flock >/dev/null || flock 9
    # The copy is made last, and so says that all before it has succeeded.
    cmp -s <(echo "$alone" | cat "$requirements" -) "$environment/requirements.txt" && exit
    echo "Making the Python environment of the tests' peers in $environment" >&2
    rm -rf "$environment"
    python3 -m venv "$environment"
    # Without this Carbon's files go to /opt/graphite.
    export GRAPHITE_NO_PREFIX=True
    "$interpreter" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
    "$interpreter" -m pip install --quiet --disable-pip-version-check --no-deps "$alone"
    echo "$alone" | cat "$requirements" - >"$environment/requirements.txt"
) 9>.build/peers.lock >&2
echo "$interpreter"
