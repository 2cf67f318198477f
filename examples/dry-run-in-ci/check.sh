#!/bin/sh
# What CI runs: fails with status 3 and a diff where a change of the manifest or
# the configuration changes what the pods will get. To accept the change:
#
#   sh check.sh --out
set -eu
cd "$(dirname "$0")"
podfacts check -c podfacts.yaml --quiet
podfacts render -c podfacts.yaml --pod deployment.yaml --node node.yaml --set pod.ip=10.0.0.7 "${1:---diff}" expected
