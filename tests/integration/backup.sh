#!/bin/sh
# What docs/operations.md says of backup and restore, as test_operations.py runs it.
#
#   backup.sh save|restore STATE COPY
set -eu
state=$2 copy=$3
case $1 in
save)
    sqlite3 "$state/moontide.db" ".backup '$copy/moontide.db'"
    cp -p "$state/PAUSED" "$state/SILENCES" "$copy"/ 2>/dev/null || true
    ;;
restore)
    rm -f "$state/moontide.db" "$state/moontide.db-wal" "$state/moontide.db-shm"
    cp -p "$copy/moontide.db" "$state"/
    cp -p "$copy/PAUSED" "$copy/SILENCES" "$state"/ 2>/dev/null || true
    ;;
esac
