#!/usr/bin/env bash
# Pulls the newest backup of every gateway in gateways.txt and checks it.
# Meant for a cron job on a machine in another building; reads tokens from the environment.
#
#   gateways.txt: one host name per line, '#' begins a comment
#   BEACON_TOKEN: a token with the scope admin that is valid on all of them
#
# Exit status: 0 all good, 1 at least one gateway failed, 2 wrong usage.

set -euo pipefail

readonly dir="${1:?usage: offsite-backup.sh TARGET_DIR [GATEWAYS_FILE]}"
readonly list="${2:-gateways.txt}"
readonly keep_days=45
readonly min_bytes=4096

[[ -n "${BEACON_TOKEN:-}" ]] || { echo "BEACON_TOKEN is not set" >&2; exit 2; }
mkdir -p "$dir"

# Asks one gateway for a fresh archive and waits for the job, at most two minutes.
fetch_backup() {
  local host="$1" job name
  job=$(curl -fsS --cacert "ca/$host.pem" -X POST -H "Authorization: Bearer $BEACON_TOKEN" \
    "https://$host:8642/api/v2/backup" | jq -r .job)
  for _ in $(seq 24); do
    name=$(curl -fsS --cacert "ca/$host.pem" -H "Authorization: Bearer $BEACON_TOKEN" \
      "https://$host:8642/api/v2/jobs/$job" | jq -r '.result.name // empty')
    [[ -n "$name" ]] && break
    sleep 5
  done
  [[ -n "$name" ]] || return 1
  curl -fsS --cacert "ca/$host.pem" -H "Authorization: Bearer $BEACON_TOKEN" \
    -o "$dir/$host-$name.part" "https://$host:8642/api/v2/backup/$name"
  # An archive below four kilobytes contains no station keys: something is wrong.
  [[ $(stat -c %s "$dir/$host-$name.part") -ge $min_bytes ]] || return 1
  mv "$dir/$host-$name.part" "$dir/$host-$name"
}

# Deletes archives past their age, but never the last one of a gateway.
prune() {
  local host="$1" newest
  newest=$(ls -1t "$dir/$host-"*.tar.zst 2>/dev/null | head -n 1)
  find "$dir" -name "$host-*.tar.zst" -mtime "+$keep_days" ! -path "$newest" -delete
}

failed=0
while read -r host _; do
  [[ -z "$host" || "$host" == \#* ]] && continue
  if fetch_backup "$host"; then
    prune "$host"
    echo "$host: ok"
  else
    echo "$host: FAILED" >&2
    failed=1
  fi
done < "$list"
exit "$failed"
