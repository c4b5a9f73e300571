#!/usr/bin/env bash
# docs/nginx.conf in front of a running service, where nginx is installed (LW_NGINX names another).
# usage: test_nginx.sh --bin DIR
# shellcheck source=tests/flow/check.sh
. "$(dirname "$0")/check.sh"

nginx=${LW_NGINX:-$(command -v nginx || true)}
if [ -z "$nginx" ]; then
    skip "docs/nginx.conf (nginx is not installed)"
    finish
fi
log=$work/serve.log port=$(free_port) http=$(free_port) https=$(free_port)
url=https://wallet.example.org
mkdir -p "$work/nginx/logs"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=wallet.example.org \
    -addext subjectAltName=DNS:wallet.example.org -keyout "$work/privkey.pem" -out "$work/fullchain.pem" 2>/dev/null
{
    [ "$(id -u)" -ne 0 ] || echo "user root;"
    echo "pid $work/nginx/pid; error_log $work/nginx/error.log; events {} http { access_log off;"
    for t in client_body proxy fastcgi uwsgi scgi; do echo "${t}_temp_path $work/nginx/$t;"; done
    sed -E -e "s|127\.0\.0\.1:8080;|127.0.0.1:$port;|" -e "/listen \[::\]/d" -e "s|listen 80;|listen 127.0.0.1:$http;|" \
        -e "s|listen 443 |listen 127.0.0.1:$https |" -e "s|/etc/ssl/wallet.example.org/|$work/|" "$project/docs/nginx.conf"
    echo "}"
} >"$work/nginx.conf"
check "nginx takes the configuration" 0 "successful" "$nginx" -t -p "$work/nginx" -c "$work/nginx.conf"

lw init --url "$url" --listen "127.0.0.1:$port" >/dev/null || exit 1
lw catalog load "$project/docs/example-city" >/dev/null || exit 1
lw license issue --type business-license --number A-1 --holder 999:1 --claim legal_name=Bakery \
    --claim "address=1 Market Street" --claim category=Food --claim expiry_date=2099-01-15 >/dev/null || exit 1
lw present A-1 --disclose legal_name --key "$work/key.pem" --out "$work/a.png" >/dev/null 2>&1 || exit 1
lw serve >"$log" 2>&1 </dev/null & pids=$!
"$nginx" -p "$work/nginx" -c "$work/nginx.conf" -g "daemon off;" >"$work/nginx.log" 2>&1 </dev/null & pids="$pids $!"
get() {
    curl -sS --max-time 20 --cacert "$work/fullchain.pem" --resolve "wallet.example.org:$https:127.0.0.1" \
        --connect-to "wallet.example.org:443:127.0.0.1:$https" "$@" </dev/null
}
until_holds get -f "$url/status"

check "the status lists through TLS" 0 "$url/status/1" get -f "$url/status"
check "a status list as CWT" 0 "200 application/statuslist+cwt" get -o /dev/null -w '%{http_code} %{content_type}' -H 'Accept: application/statuslist+cwt' "$url/status/1"
check "the service's caching is passed on" 0 "max-age=300" get -D - -o /dev/null "$url/trust-list"
check "with the header of strict transport" 0 "trict-" get -D - -o /dev/null "$url/trust-list"
check "a picture is verified" 0 '"result":"accepted"' get -H 'Content-Type: image/png' --data-binary "@$work/a.png" "$url/api/v1/verifications"
check "problem details are passed on" 0 "problem:malformed" get -H 'Content-Type: application/json' -d '{}' "$url/api/v1/verifications"
check "health is not for outside" 0 404 get -o /dev/null -w '%{http_code}' "$url/healthz"
check "nor are metrics" 0 404 get -o /dev/null -w '%{http_code}' "$url/metrics"
check "nor a path around it" 0 404 get -o /dev/null -w '%{http_code}' --path-as-is "$url/status/../metrics"
check "published documents take no POST" 0 403 get -o /dev/null -w '%{http_code}' -d x "$url/trust-list"
head -c 17000000 /dev/zero >"$work/big"
check "a body past 16 MiB" 0 413 get -o /dev/null -w '%{http_code}' -H 'Content-Type: image/png' --data-binary "@$work/big" "$url/api/v1/verifications"
check "http is sent on to https" 0 "308 $url/status" curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: wallet.example.org' "http://127.0.0.1:$http/status"
finish
