#!/bin/sh
# Start mosquitto with one password each for the gateway and the agent, from the environment; there is no default.
# Further devices: a line NAME:PASSWORD each in the file that BROKER_DEVICES names.
set -eu
: "${BROKER_STATE:?folder for passwords and persistence}"
: "${BROKER_SETTINGS:?folder with mosquitto.conf and acl}"
: "${GATEWAY_MQTT_PASSWORD:?}" "${EDGE_MQTT_PASSWORD:?}"

umask 077
{
  printf 'gateway:%s\nedge:%s\n' "$GATEWAY_MQTT_PASSWORD" "$EDGE_MQTT_PASSWORD"
  if [ -n "${BROKER_DEVICES:-}" ]; then cat -- "$BROKER_DEVICES"; fi
} > "$BROKER_STATE/passwords"
mosquitto_passwd -U "$BROKER_STATE/passwords" # replaces each password by its hash

sed -e "s|@BROKER_STATE@|$BROKER_STATE|g" -e "s|@BROKER_SETTINGS@|$BROKER_SETTINGS|g" \
  "$BROKER_SETTINGS/mosquitto.conf" > "$BROKER_STATE/mosquitto.conf"
if [ -n "${BROKER_PORT:-}" ]; then sed -i "s|^listener 1883$|listener $BROKER_PORT 127.0.0.1|" "$BROKER_STATE/mosquitto.conf"; fi
exec mosquitto -c "$BROKER_STATE/mosquitto.conf"
