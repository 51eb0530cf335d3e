# Sourced by the scripts beside it: one call to GitHub with curl, its answer in STATUS and BODY.
# Env: GITHUB_API_URL (default https://api.github.com), GH_TOKEN or GITHUB_TOKEN,
#      GITHUB_RETRY_DELAY seconds between the tries of a read (default 2).

: "${GITHUB_API_URL:=https://api.github.com}"
: "${GITHUB_RETRY_DELAY:=2}"
STATUS=000
BODY=

die() { # die EXIT_CODE MESSAGE...
  local code=$1
  shift
  echo "${0##*/}: $*" >&2
  exit "$code"
}

# The token goes in through stdin: an argument would be seen by everyone in `ps`.
github_call() { # github_call METHOD PATH [JSON]
  local method=$1 path=$2 reply
  local arguments=(--silent --show-error --max-time 60 --request "$method" --header @-
    --write-out '\n%{http_code}')
  [ $# -lt 3 ] || arguments+=(--data "$3")
  if reply=$(printf '%s\n' "Authorization: Bearer ${GH_TOKEN:-${GITHUB_TOKEN:-}}" \
    'Accept: application/vnd.github+json' 'X-GitHub-Api-Version: 2022-11-28' \
    'User-Agent: headrace-release-example' |
    curl "${arguments[@]}" "$GITHUB_API_URL$path"); then
    STATUS=${reply##*$'\n'} BODY=${reply%$'\n'*}
  else
    STATUS=000 BODY=
  fi
}

# Reads may be repeated, writes never: a POST that got no answer may have had its effect.
github_get() { # github_get PATH
  local try
  for try in 1 2 3; do
    github_call GET "$1"
    case $STATUS in
      000 | 429 | 5??) [ "$try" = 3 ] || sleep "$GITHUB_RETRY_DELAY" ;;
      *) return 0 ;;
    esac
  done
}

github_message() { # what GitHub said, for a person
  if [ "$STATUS" = 000 ]; then
    echo "no answer from $GITHUB_API_URL"
  else
    echo "HTTP $STATUS: $(jq -r '.message? // "no message"' <<<"$BODY" 2>/dev/null || echo "$BODY")"
  fi
}
