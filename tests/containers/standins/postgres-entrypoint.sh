#!/bin/sh
# At the first start: the cluster, its user with a password, and its database. An unfinished one is begun anew.
set -eu
export PGDATA=/var/lib/postgresql/data
if [ ! -e "$PGDATA/finished" ]; then
    rm -rf "$PGDATA"
    umask 077
    printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --no-instructions
    rm /tmp/password
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    touch "$PGDATA/finished"
fi
exec "$@"
