#!/bin/sh
# Starts nats-server with each user's password, from the secret nats_<user>, under the name that users.conf asks for.
set -eu
for file in "${FIN_SECRETS:-/run/secrets}"/nats_*; do
  name=$(basename "$file" | tr 'a-z-' 'A-Z_')
  export "FIN_$name=$(cat "$file")"
done
exec nats-server -c "${1:-/etc/nats/nats.conf}"
