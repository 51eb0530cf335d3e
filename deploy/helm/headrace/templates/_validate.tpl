{{/* What values.schema.json cannot say. All faults at once, each with its remedy. */}}
{{- define "headrace.validate" -}}
{{- $faults := list -}}
{{- $mode := .Values.mode -}}
{{- $exposed := include "headrace.exposed" . -}}
{{- $pools := (include "headrace.pools" . | fromJson).pools -}}

{{- if gt (int .Values.scheduler.replicas) 1 -}}
{{- if not (include "headrace.shared" .) -}}
{{- $faults = append $faults (printf "scheduler.replicas is %d: the embedded store belongs to one scheduler process; several share a Redis: mode: cluster and redis.existingSecret (or redis.trial.enabled)" (int .Values.scheduler.replicas)) -}}
{{- end -}}
{{- if not .Values.api.schedulerToken.secret -}}
{{- $faults = append $faults (printf "scheduler.replicas is %d: schedulers ask each other for a token; name a Secret with one of the role scheduler in api.schedulerToken.secret" (int .Values.scheduler.replicas)) -}}
{{- end -}}
{{- end -}}
{{- $file := has .Values.scheduler.durability (list "full" "normal") -}}
{{- $remote := has .Values.scheduler.durability (list "memory" "local" "replica") -}}
{{- $redis := include "headrace.redis" . -}}
{{- $trial := .Values.redis.trial.enabled -}}
{{- if and $redis $file -}}
{{- $faults = append $faults (printf "scheduler.durability: %s is of the embedded store; a Redis has memory, local or replica" .Values.scheduler.durability) -}}
{{- else if and $remote (not $redis) -}}
{{- $faults = append $faults (printf "scheduler.durability: %s is of a Redis; the embedded store has full or normal" .Values.scheduler.durability) -}}
{{- end -}}
{{- if and $trial .Values.redis.existingSecret -}}
{{- $faults = append $faults (printf "redis.trial.enabled: redis.existingSecret names a Redis already (%s); one of the two remembers" .Values.redis.existingSecret) -}}
{{- end -}}
{{- if and $trial (not .Values.networkPolicy.enabled) -}}
{{- $faults = append $faults "redis.trial.enabled: it asks for no password, so its NetworkPolicy must stand: networkPolicy.enabled, or a Redis of your own in redis.existingSecret" -}}
{{- end -}}
{{- if and $trial (eq .Values.scheduler.durability "replica") -}}
{{- $faults = append $faults "scheduler.durability: replica: the Redis of redis.trial has no replica; take local, or a Redis of your own in redis.existingSecret" -}}
{{- end -}}
{{- if and $trial (hasSuffix ":latest" .Values.redis.trial.image) -}}
{{- $faults = append $faults "redis.trial.image: latest is another version tomorrow; name a version" -}}
{{- end -}}
{{- if and .Values.redis.tlsSecret (not .Values.redis.existingSecret) -}}
{{- $faults = append $faults "redis.tlsSecret: is of the Redis that redis.existingSecret names (rediss://HOST?ca=/etc/headrace/redis/ca.crt), and that names none" -}}
{{- end -}}
{{- if .Values.api.tlsSecret -}}
{{- if not $exposed -}}
{{- $faults = append $faults "api.tlsSecret: an API that others reach asks who calls; name http.tokensSecret.name, whose tokens it takes, too" -}}
{{- end -}}
{{- if and (ne $mode "standalone") (not .Values.api.workerTokens.secret) -}}
{{- $faults = append $faults "api.workerTokens.secret: the workers need tokens for that API; name a Secret with one of the role worker" -}}
{{- end -}}
{{- end -}}

{{- if eq $mode "standalone" -}}
{{- if $pools -}}
{{- $faults = append $faults (printf "workers.%s: in mode standalone the one process runs the tasks; set mode: pools, or scheduler.slots" (keys $pools | sortAlpha | first)) -}}
{{- end -}}
{{- else if not $pools -}}
{{- $faults = append $faults (printf "mode: %s needs at least one pool, such as workers: {general: {}}; nothing would run tasks otherwise" $mode) -}}
{{- end -}}

{{- if eq .Values.image.tag "latest" -}}
{{- $faults = append $faults "image.tag: latest is another version tomorrow, and a pod that restarts would change its own; name a version" -}}
{{- end -}}
{{- $envs := dict "scheduler.env" .Values.scheduler.env -}}
{{- range $name, $pool := $pools -}}
{{- $_ := set $envs (printf "workers.%s.env" $name) $pool.env -}}
{{- end -}}
{{- range $where, $env := $envs -}}
{{- range $key, $_ := $env -}}
{{- if regexMatch "SECRET|TOKEN|PASSWORD|PASSWD|_KEY$" $key -}}
{{- $faults = append $faults (printf "%s.%s: a secret in a plain value is shown to everybody who may read the pod; put it into a Secret and name that in `secrets` (HEADRACE_ENCRYPTION_KEY: encryptionKey.existingSecret)" $where $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- range $name, $pool := $pools -}}
{{- if hasSuffix ":latest" $pool.image -}}
{{- $faults = append $faults (printf "workers.%s.image: latest is another version tomorrow; name a version" $name) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$" $name) -}}
{{- $faults = append $faults (printf "workers.%s: a pool's name is part of the names of its objects; use at most 22 of a-z, 0-9 and -" $name) -}}
{{- end -}}
{{- if eq $mode "pools" -}}
{{- if or (ne (int $pool.replicas) 1) (ne $pool.autoscaling.kind "none") -}}
{{- $faults = append $faults (printf "workers.%s: in mode pools a pool is one container of the scheduler's pod; give it more slots instead of replicas or autoscaling, or use mode: cluster" $name) -}}
{{- end -}}
{{- end -}}
{{- range $key, $value := $pool.tags -}}
{{- if or (contains "," $key) (contains "," $value) (contains "=" $key) -}}
{{- $faults = append $faults (printf "workers.%s.tags.%s: commas separate tags and the first = ends a name; write it without them" $name $key) -}}
{{- end -}}
{{- end -}}
{{- if and (eq $pool.autoscaling.kind "hpa") (lt (int $pool.autoscaling.minReplicas) 1) -}}
{{- $faults = append $faults (printf "workers.%s.autoscaling.minReplicas: a HorizontalPodAutoscaler keeps at least 1, as no pod has no CPU to go by; kind: keda begins at 0" $name) -}}
{{- end -}}
{{- if gt (int $pool.autoscaling.minReplicas) (int $pool.autoscaling.maxReplicas) -}}
{{- $faults = append $faults (printf "workers.%s.autoscaling: minReplicas %d is more than maxReplicas %d" $name (int $pool.autoscaling.minReplicas) (int $pool.autoscaling.maxReplicas)) -}}
{{- end -}}
{{- end -}}

{{- if eq $mode "cluster" -}}
{{- if not .Values.cluster.schedulerKeySecret -}}
{{- $faults = append $faults "mode: cluster: cluster.schedulerKeySecret must name a Secret with key and authorized; without keys the worker queue listens on loopback only, and pods of their own cannot reach it (headrace keys new; docs/kubernetes.md), or use mode: pools" -}}
{{- end -}}
{{- range $name, $pool := $pools -}}
{{- if not (or $.Values.cluster.workerKeySecret $pool.keySecret) -}}
{{- $faults = append $faults (printf "mode: cluster: workers.%s.keySecret or cluster.workerKeySecret must name a Secret with key and scheduler-key" $name) -}}
{{- end -}}
{{- end -}}
{{- if not .Values.api.tlsSecret -}}
{{- $faults = append $faults "mode: cluster: api.tlsSecret must name a Secret with tls.crt, tls.key and ca.crt; without TLS the API listens on loopback only, and workers ask it for what is not in their task" -}}
{{- end -}}
{{- if not .Values.storage.existingClaim -}}
{{- $faults = append $faults "mode: cluster: storage.existingClaim must name a ReadWriteMany claim; tasks' files would be missing on other pods otherwise" -}}
{{- end -}}
{{- end -}}

{{- if not $exposed -}}
{{- if .Values.ingress.enabled -}}
{{- $faults = append $faults "ingress.enabled: HTTP listens on the pod's loopback until http.tokensSecret.name names a Secret with tokens" -}}
{{- end -}}
{{- if .Values.metrics.serviceMonitor.enabled -}}
{{- $faults = append $faults "metrics.serviceMonitor.enabled: metrics are served on the pod's loopback until http.tokensSecret.name names a Secret with tokens" -}}
{{- end -}}
{{- if .Values.http.githubHooksSecret.name -}}
{{- $faults = append $faults "http.githubHooksSecret.name: GitHub cannot reach a loopback address; name http.tokensSecret.name, too" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.serviceMonitor.tokenSecret.name) -}}
{{- $faults = append $faults "metrics.serviceMonitor.tokenSecret.name: /metrics is for viewers; name a Secret with a viewer's token" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- $faults = append $faults "ingress.hosts: name at least one host" -}}
{{- end -}}

{{- if $faults -}}
{{- fail (printf "\n\nThese values cannot work:\n  - %s\n" (join "\n  - " $faults)) -}}
{{- end -}}
{{- end -}}
